//! The state machine in virtual time.

use super::*;
use crosspatch_core::Host as Name;

const GMA2: &str = r#"{"status":"server ready","appType":"gma2"}"#;
const DOT2: &str = r#"{"status":"server ready", "appType":"dot2"}"#;
const SESSION: &str = r#"{"realtime":false,"session":1,"forceLogin":true,"worldIndex":0}"#;
const WELCOME: &str = r#"{"realtime":false,"responseType":"login","result":true,"worldIndex":0}"#;
const WRONG: &str = r#"{"realtime":false,"responseType":"login","result":false,"worldIndex":0}"#;

/// A state machine and the time.
struct Test {
    login: Login,
    now: Instant,
}

impl Test {
    /// Started, with the hosts 10.0.0.1 and so on.
    fn new(hosts: u8) -> Self {
        let hosts: Vec<_> = (1..=hosts)
            .map(|last| Endpoint { host: Name::Address([10, 0, 0, last].into()), port: 80 })
            .collect();
        let mut test = Self { login: Login::new(&hosts, "ma", None), now: Instant::START };
        let mut steps = Vec::new();
        test.login.connect(test.now, &mut steps);
        assert_eq!(shown(&steps), ["open 10.0.0.1:80"]);
        test
    }

    /// Logged in to a grandMA2.
    fn ready(hosts: u8) -> Self {
        let mut test = Self::new(hosts);
        test.opened();
        assert_eq!(test.receive(GMA2), ["session 0"]);
        assert_eq!(test.receive(SESSION), ["log in"]);
        assert_eq!(test.receive(WELCOME), ["info: logged in to the grandMA2 at 10.0.0.1:80", "ready"]);
        test
    }

    fn opened(&mut self) {
        self.login.handle_open(self.now);
    }

    fn closed(&mut self, reason: Closed) -> Vec<String> {
        let mut steps = Vec::new();
        self.login.handle_close(self.now, &reason, &mut steps);
        shown(&steps)
    }

    fn receive(&mut self, text: &str) -> Vec<String> {
        let mut steps = Vec::new();
        self.login.note_received();
        let answer = Answer::decode(text.as_bytes()).expect("an answer");
        self.login.handle_answer(self.now, &answer, &mut steps);
        shown(&steps)
    }

    /// Advances the time. Returns what happened and when, in milliseconds from the call.
    fn pass(&mut self, millis: u64) -> Vec<String> {
        let start = self.now;
        let end = start + Duration::from_millis(millis);
        let mut all = Vec::new();
        while let Some(next) = self.login.next_timeout().filter(|next| *next <= end) {
            assert!(all.len() < 1000, "wakes for ever: {all:?}");
            self.now = self.now.max(next);
            let mut steps = Vec::new();
            self.login.handle_timeout(self.now, &mut steps);
            let millis = self.now.since(start).as_millis();
            all.extend(shown(&steps).into_iter().map(|step| format!("{millis} {step}")));
        }
        self.now = end;
        all
    }
}

fn shown(steps: &[LoginStep]) -> Vec<String> {
    let show = |step: &LoginStep| match step {
        LoginStep::Open(endpoint) => format!("open {endpoint}"),
        LoginStep::Close => "close".to_owned(),
        LoginStep::SendSession(session) => format!("session {session}"),
        LoginStep::LogIn => "log in".to_owned(),
        LoginStep::SendClose(session) => format!("goodbye {session}"),
        LoginStep::Ready => "ready".to_owned(),
        LoginStep::Down => "down".to_owned(),
        LoginStep::Notice(notice) => {
            format!("{:?}: {}", notice.severity, notice.text).replacen("Info", "info", 1)
        }
    };
    steps.iter().map(show).collect()
}

/// The items of a list that contain a word.
fn with<'a>(list: &'a [String], word: &str) -> Vec<&'a str> {
    list.iter().map(String::as_str).filter(|line| line.contains(word)).collect()
}

#[test]
fn greets_asks_logs_in_and_keeps_the_session_alive() {
    let mut test = Test::ready(1);
    assert_eq!(test.login.console(), Some(ConsoleFamily::Gma2));
    for _ in 0..10 {
        assert_eq!(test.pass(4000), ["4000 session 1"]);
        assert_eq!(test.receive(r#"{"realtime":false,"session":1,"worldIndex":0}"#), [""; 0]);
    }
}

#[test]
fn an_old_console_greets_without_json() {
    let mut test = Test::new(1);
    test.opened();
    assert_eq!(test.receive("server ready"), ["session 0"]);
    assert_eq!((test.login.dialect(), test.login.must_try_dialects()), (PlaybacksFormat::Flat, true));
    assert_eq!(test.login.console(), Some(ConsoleFamily::Gma2));
}

#[test]
fn asks_by_itself_if_no_greeting_comes() {
    let mut test = Test::new(1);
    test.opened();
    assert_eq!(test.pass(100), ["50 session 0"]);
    assert_eq!(test.receive(SESSION), ["log in"]);
    assert_eq!(test.receive(DOT2), ["session 0"], "greeted after all: begins anew");
}

#[test]
fn a_greeting_that_comes_late_does_not_cost_a_second_session() {
    let mut test = Test::new(1);
    test.opened();
    test.pass(60);
    assert_eq!(test.receive(DOT2), [""; 0]);
    assert_eq!(test.pass(100), [""; 0]);
    assert_eq!(test.receive(SESSION), ["log in"]);

    let mut test = Test::new(1);
    test.opened();
    test.pass(60);
    test.receive(DOT2);
    assert_eq!(test.pass(300), ["250 session 0"], "the request that came too early was missed");
}

#[test]
fn the_session_may_change_at_any_time_and_only_a_forced_login_is_repeated() {
    let mut test = Test::ready(1);
    assert_eq!(test.receive(r#"{"session":7}"#), [""; 0]);
    assert_eq!(test.login.session(), 7);
    assert_eq!(test.pass(4000), ["4000 session 7"]);
    assert_eq!(test.receive(r#"{"session":8,"forceLogin":true}"#), ["down", "log in"]);
    assert_eq!(test.receive(WELCOME), ["info: logged in to the grandMA2 at 10.0.0.1:80", "ready"]);
    assert_eq!(test.receive(r#"{"forceLogin":true}"#), ["down", "log in"]);
}

#[test]
fn session_zero_is_asked_for_again_after_a_pause() {
    let mut test = Test::ready(1);
    assert_eq!(test.receive(r#"{"session":0}"#), ["down", "session 0"]);
    assert_eq!(test.receive(r#"{"session":0}"#), [""; 0]);
    assert_eq!(test.pass(1000), ["1000 session 0"]);
    assert_eq!(test.receive(SESSION), ["log in"]);
}

#[test]
fn disabled_remotes_are_one_notice_with_the_menu_of_the_console_and_are_tried_every_ten_seconds() {
    for (greeting, words) in [
        (GMA2, "Setup > Console > Global Settings > Remotes to Login Enabled"),
        (DOT2, "Setup > Global Settings > Web Remote and set a password"),
    ] {
        let mut test = Test::new(1);
        test.opened();
        test.receive(greeting);
        let steps = test.receive(r#"{"session":-1}"#);
        assert_eq!(steps[0], "close");
        assert!(steps[1].starts_with("Error: remotes are disabled") && steps[1].contains(words), "{steps:?}");
        assert_eq!(test.pass(10_000), ["10000 open 10.0.0.1:80"]);
        test.opened();
        test.receive(greeting);
        assert_eq!(test.receive(r#"{"session":-1}"#), ["close"]);
    }
}

#[test]
fn a_full_console_is_left_alone_until_dead_sessions_have_timed_out() {
    for answer in [r#"{"realtime":false,"connections_limit_reached":"","session":-2}"#, r#"{"session":-2}"#] {
        let mut test = Test::new(1);
        test.opened();
        test.receive(GMA2);
        let steps = test.receive(answer);
        assert_eq!(steps[0], "close");
        assert!(steps[1].contains("three remotes already"), "{steps:?}");
        assert_eq!(test.pass(30_000), ["30000 open 10.0.0.1:80"]);
    }
}

#[test]
fn a_refused_login_says_what_to_check_and_frees_its_place() {
    for (greeting, words) in [(GMA2, "User & Profiles Setup"), (DOT2, "Web Remote")] {
        let mut test = Test::new(1);
        test.opened();
        test.receive(greeting);
        test.receive(SESSION);
        let steps = test.receive(WRONG);
        assert_eq!(steps[..2], ["goodbye 1", "close"]);
        assert!(steps[2].starts_with("Error: ") && steps[2].contains(words), "{steps:?}");
        assert_eq!(test.pass(10_000), ["10000 open 10.0.0.1:80"]);
    }
}

#[test]
fn a_grandma3_is_recognized() {
    let mut test = Test::new(1);
    test.opened();
    let steps = test.receive(r#"{"status":"server ready"}"#);
    assert!(steps[1].contains("grandMA3 is to be driven by OSC"), "{steps:?}");
}

#[test]
fn a_console_that_answers_nothing_is_lost_after_a_few_seconds() {
    let mut test = Test::ready(1);
    let steps = test.pass(10_500);
    assert_eq!(
        steps[..5],
        ["4000 session 1", "8000 session 1", "10000 down", "10000 goodbye 1", "10000 close",]
    );
    assert_eq!(
        steps[5],
        "10000 Warning: lost the console at 10.0.0.1:80: it has stopped answering; trying again every second"
    );
    assert_eq!(with(&steps, "open").len(), 1);
}

#[test]
fn a_host_that_accepts_and_sends_nothing_is_left_after_five_seconds() {
    let mut test = Test::new(1);
    test.opened();
    let steps = test.pass(5000);
    assert_eq!(steps[0], "50 session 0");
    assert_eq!(steps[1], "5000 close");
    assert!(steps[2].contains("does not answer like a console"), "{steps:?}");

    let mut test = Test::new(1);
    test.opened();
    test.receive(GMA2);
    test.receive(SESSION);
    let steps = test.pass(5000);
    assert_eq!(with(&steps, "does not answer the log-in").len(), 1, "{steps:?}");
    assert_eq!(with(&steps, "goodbye 1").len(), 1, "{steps:?}");
}

#[test]
fn a_connection_that_is_never_reported_is_tried_again() {
    let mut test = Test::new(1);
    let steps = test.pass(10_000);
    assert_eq!(with(&steps, "close").len(), 1);
    assert_eq!(with(&steps, "open").len(), 1, "{steps:?}");
}

#[test]
fn pauses_are_a_second_for_a_minute_and_grow_up_to_ten_and_the_same_failure_is_one_notice() {
    let mut test = Test::new(1);
    let mut notices = 0;
    let mut pauses = Vec::new();
    for _ in 0..90 {
        notices += test.closed(Closed::Refused).len();
        let before = test.now;
        let next = test.login.next_timeout().expect("a next attempt");
        pauses.push(next.since(before).as_millis());
        assert_eq!(test.pass(next.since(before).as_millis() as u64 + 1).len(), 1);
    }
    assert_eq!(notices, 1);
    assert!((375..=500).contains(&pauses[0]) && (7500..=10_000).contains(&pauses[89]), "{pauses:?}");
    let eager = pauses.iter().take_while(|pause| **pause <= 1000).count();
    assert!((60..=80).contains(&eager), "{pauses:?}");
    let told = test.closed(Closed::Unreachable);
    assert_eq!(told.len(), 1, "a new reason is worth telling");
    let pause = test.login.next_timeout().expect("a next attempt").since(test.now).as_millis().div_ceil(1000);
    assert!(pause >= 8 && told[0].ends_with(&format!("; next try in {pause} s")), "{told:?}");
}

#[test]
fn the_next_host_is_tried_at_once_and_only_a_whole_round_costs_a_pause() {
    let mut test = Test::new(3);
    assert_eq!(test.closed(Closed::Refused)[1], "open 10.0.0.2:80");
    assert_eq!(test.closed(Closed::TimedOut)[1], "open 10.0.0.3:80");
    assert_eq!(test.closed(Closed::NameNotFound).len(), 1);
    assert_eq!(with(&test.pass(500), "open"), [first_pause_then("open 10.0.0.1:80")]);
}

/// The pause of the first round, which depends on the seed.
fn first_pause_then(what: &str) -> String {
    let pause = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, "ma").pause();
    format!("{} {what}", pause.as_millis())
}

#[test]
fn a_lost_console_is_replaced_by_the_next_host_at_once() {
    let mut test = Test::ready(2);
    test.now += Duration::from_secs(3600);
    assert_eq!(
        test.closed(Closed::Reset),
        [
            "down",
            "Warning: lost the console at 10.0.0.1:80: connection lost; trying 10.0.0.2:80",
            "open 10.0.0.2:80"
        ]
    );
}

#[test]
fn a_host_that_refused_us_is_not_asked_again_before_its_time_while_others_are() {
    let mut test = Test::new(2);
    test.opened();
    test.receive(GMA2);
    assert_eq!(test.receive(r#"{"session":-2}"#).last().map(String::as_str), Some("open 10.0.0.2:80"));
    let mut opened = Vec::new();
    for _ in 0..4 {
        test.closed(Closed::Refused);
        let next = test.login.next_timeout().expect("a next attempt");
        opened.extend(test.pass(next.since(test.now).as_millis() as u64 + 1));
    }
    assert_eq!(with(&opened, "10.0.0.2").len(), 4, "{opened:?}");
}

#[test]
fn attempts_at_a_console_that_closes_at_once_are_spaced() {
    let mut test = Test::ready(1);
    let mut waited = 0;
    for _ in 0..20 {
        test.closed(Closed::ByPeer);
        let pause = test.login.next_timeout().expect("a next attempt").since(test.now).as_millis() as u64 + 1;
        waited += pause;
        test.pass(pause);
        test.opened();
        test.receive(GMA2);
        test.receive(SESSION);
        test.receive(WELCOME);
    }
    assert!(waited > 100_000, "{waited} ms for twenty attempts");
    test.now += Duration::from_secs(11);
    test.closed(Closed::ByPeer);
    assert!(test.login.next_timeout().expect("a next attempt").since(test.now) <= FIRST_PAUSE);
}

#[test]
fn the_notice_of_a_web_server_that_is_no_console_says_so() {
    let mut test = Test::new(1);
    let steps = test.closed(Closed::NotWebSocket(404));
    assert!(steps[0].contains("is not a web remote") && steps[0].contains("404"), "{steps:?}");
}

#[test]
fn closes_the_session_when_stopped_and_sends_nothing_more() {
    let mut test = Test::ready(1);
    let mut steps = Vec::new();
    test.login.stop(&mut steps);
    assert_eq!(shown(&steps), ["goodbye 1"]);
    assert_eq!(test.login.next_timeout(), None);
    assert_eq!(test.receive(SESSION), [""; 0]);
    assert_eq!(test.closed(Closed::ByPeer), [""; 0]);
}

#[test]
fn a_host_may_return_as_the_other_console() {
    let mut test = Test::ready(1);
    test.closed(Closed::Reset);
    test.pass(500);
    test.opened();
    test.receive(DOT2);
    test.receive(SESSION);
    assert_eq!(test.receive(WELCOME), ["info: logged in to the dot2 at 10.0.0.1:80", "ready"]);
}

#[test]
fn a_log_in_that_was_not_requested_is_ignored() {
    let mut test = Test::new(1);
    test.opened();
    assert_eq!(test.receive(WELCOME), [""; 0]);
    test.receive(GMA2);
    assert_eq!(test.receive(WELCOME), [""; 0]);
    assert!(!test.login.is_ready());
}

#[test]
fn a_suspended_process_reads_pending_answers_before_it_gives_a_console_up() {
    let mut test = Test::ready(1);
    assert_eq!(test.pass(4000), ["4000 session 1"]);
    test.now += Duration::from_secs(60);
    let mut steps = Vec::new();
    test.login.handle_timeout(test.now, &mut steps);
    assert_eq!(shown(&steps), ["session 1"]);
    assert_eq!(test.receive(r#"{"session":1}"#), [""; 0]);
    assert_eq!(test.pass(4000), ["4000 session 1"]);
    assert_eq!(with(&test.pass(6000), "down").len(), 1);
}
