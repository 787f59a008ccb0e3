//! What libFuzzer prints.

/// What a run of a target came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RunOutput {
    pub inputs: u64,
    /// Edges that were reached.
    pub cov: u64,
    /// Features that were seen.
    pub ft: u64,
    pub crash: Option<Crash>,
}

/// An input that ended the program, or that it did not end with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crash {
    /// The file with the input.
    pub artifact: String,
    /// What was wrong, in a line.
    pub reason: String,
}

impl RunOutput {
    /// Reads all that a run has printed.
    pub(super) fn parse(text: &str) -> Self {
        let mut output = Self::default();
        let (mut reason, mut artifact) = (None, None);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.starts_with('#') {
                output.cov = number_after(line, " cov: ").unwrap_or(output.cov);
                output.ft = number_after(line, " ft: ").unwrap_or(output.ft);
            } else if let Some(inputs) = number_after(line, "stat::number_of_executed_units:") {
                output.inputs = inputs;
            } else if let Some((_, path)) = line.split_once("Test unit written to ") {
                artifact = Some(path.trim().to_owned());
            } else if line.contains(" panicked at ") {
                // The message is in the next line.
                reason = Some(format!("{} {}", line.trim(), lines.next().unwrap_or_default().trim()));
            } else if line.contains("ERROR: libFuzzer: ") {
                reason.get_or_insert_with(|| line.trim().to_owned());
            }
        }
        // A slow input is written, too, and is no crash: nothing was said to be wrong.
        output.crash = artifact.zip(reason).map(|(artifact, reason)| Crash { artifact, reason });
        output
    }

    /// Takes what is better of another run of the same target.
    pub(super) fn keep_better(&mut self, other: Self) {
        self.cov = self.cov.max(other.cov);
        self.ft = self.ft.max(other.ft);
    }
}

fn number_after(line: &str, word: &str) -> Option<u64> {
    let (_, rest) = line.split_once(word)?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_a_run_are_read() {
        let output = RunOutput::parse(
            "INFO: Seed: 4204703299\n\
             #5\tINITED cov: 6696 ft: 10821 corp: 4/695b exec/s: 0 rss: 35Mb\n\
             #578\tDONE   cov: 7012 ft: 20117 corp: 205/11Kb lim: 43 exec/s: 96 rss: 41Mb\n\
             Done 578 runs in 6 second(s)\nstat::number_of_executed_units: 578\n\
             stat::average_exec_per_sec:     96\n",
        );
        assert_eq!(output, RunOutput { inputs: 578, cov: 7012, ft: 20117, crash: None });
    }

    #[test]
    fn a_crash_has_its_input_and_its_reason() {
        let output = RunOutput::parse(
            "#9\tNEW    cov: 12 ft: 13 corp: 4/695b exec/s: 0 rss: 35Mb\n\
             thread '<unnamed>' (7) panicked at crates/core/src/value.rs:9:5:\nattempt to add with overflow\n\
             ==7== ERROR: libFuzzer: deadly signal\n\
             artifact_prefix='/w/'; Test unit written to /w/crash-0a1b\nstat::number_of_executed_units: 9\n",
        );
        let crash = output.crash.expect("a crash");
        assert_eq!(crash.artifact, "/w/crash-0a1b");
        assert!(crash.reason.ends_with("crates/core/src/value.rs:9:5: attempt to add with overflow"));
        assert_eq!((output.inputs, output.cov), (9, 12));
    }

    #[test]
    fn an_input_that_is_only_slow_is_no_crash() {
        let output = RunOutput::parse(
            "Slowest unit: 11 s:\nartifact_prefix='/w/'; Test unit written to /w/slow-unit-0a\n",
        );
        assert_eq!(output.crash, None);
    }
}
