//! The last status report, for all who ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::show::{RunningShow, StatusSnapshot};

/// The last status report. However many ask, the loop is asked a few times a second at most.
#[derive(Default)]
pub(crate) struct StatusCache(tokio::sync::Mutex<Option<(Instant, Option<Arc<StatusSnapshot>>)>>);

impl StatusCache {
    /// For how long a report is passed on.
    const FRESH: Duration = Duration::from_millis(200);

    pub(crate) async fn ask(&self, show: &Arc<dyn RunningShow>) -> Option<Arc<StatusSnapshot>> {
        let mut last = self.0.lock().await;
        if let Some((_, report)) = last.as_ref().filter(|(at, _)| at.elapsed() < Self::FRESH) {
            return report.clone();
        }
        let show = show.clone();
        let report = tokio::task::spawn_blocking(move || show.report_status()).await;
        let report = report.ok().flatten().map(Arc::new);
        *last = Some((Instant::now(), report.clone()));
        report
    }
}
