//! What all requests share.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crosspatch_core::{Direction, Plan, PlannedInstance};

use crate::auth::Auth;
use crate::limits::ConnectionLimits;
use crate::live::Live;
use crate::notices::{Board, Notices};
use crate::settings::ServerSettings;
use crate::show::RunningShow;
use crate::status::StatusCache;

/// What all requests share.
pub(crate) struct WebSite {
    pub(crate) settings: ServerSettings,
    pub(crate) show: Arc<dyn RunningShow>,
    pub(crate) board: Board,
    pub(crate) live: Arc<Live>,
    pub(crate) status: StatusCache,
    pub(crate) auth: Auth,
    pub(crate) limits: ConnectionLimits,
    /// The port that is listened on.
    pub(crate) port: AtomicU16,
    counts: Mutex<(u64, Arc<Vec<[usize; 2]>>)>,
}

impl WebSite {
    pub(crate) fn new(settings: ServerSettings, show: Arc<dyn RunningShow>, board: Board) -> Self {
        Self {
            auth: Auth::new(&settings),
            limits: ConnectionLimits::default(),
            port: AtomicU16::new(settings.listen.port()),
            settings,
            show,
            board,
            live: Arc::new(Live::new()),
            status: StatusCache::default(),
            counts: Mutex::default(),
        }
    }

    /// The latest notices.
    pub(crate) fn notices(&self) -> &Notices {
        self.board.notices()
    }

    /// The name of the cookie. Browsers have the same cookies for all ports of a machine, and it may run several shows.
    pub(crate) fn cookie_name(&self) -> String {
        format!("crosspatch_{}", self.port.load(Ordering::Relaxed))
    }

    /// How many inputs and outputs each instance of the plan has.
    pub(crate) fn channel_counts(&self, plan: &Plan) -> Arc<Vec<[usize; 2]>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.0 != plan.number() {
            *counts = (plan.number(), Arc::new(count_channels(plan)));
        }
        counts.1.clone()
    }
}

/// How many inputs and outputs each instance of a plan has.
pub(crate) fn count_channels(plan: &Plan) -> Vec<[usize; 2]> {
    let count = |planned: &PlannedInstance, direction| {
        planned.channels.slots().filter(|slot| planned.channels.is_mapped(*slot, direction)).count()
    };
    let both = |planned| [count(planned, Direction::Input), count(planned, Direction::Output)];
    plan.instances().iter().map(both).collect()
}
