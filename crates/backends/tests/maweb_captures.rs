//! The messages of the MA Web Remote against what real consoles and clients have sent (`captures/`, origins in its README).

#![expect(clippy::disallowed_methods, reason = "these tests read the captures in the repository")]

use std::path::Path;

use crosspatch_backends::maweb::wire::{
    Answer, Color, ConsoleFamily, Executor, Flaw, Greeting, Group, ItemsType, Playbacks, PlaybacksFormat,
    PlaybacksRequest, Range, Request, Response, View, Wanted,
};

fn capture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(name);
    std::fs::read(path).expect("the capture is there")
}

/// All captures of one kind: `.request.json`, or everything else.
fn captures(requests: bool) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .filter(|name| name != "README.md" && name.ends_with(".request.json") == requests)
        .collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), capture(&name))).collect()
}

/// The message without blanks between its parts, some captures being pretty-printed.
fn compact(bytes: &[u8]) -> String {
    let mut in_text = false;
    let text = std::str::from_utf8(bytes).expect("text");
    text.chars()
        .filter(|&letter| {
            in_text ^= letter == '"';
            in_text || !letter.is_ascii_whitespace()
        })
        .collect()
}

fn encoded(answer: &Answer<'_>) -> String {
    let mut out = vec![0xa5; 64];
    answer.encode(&mut out);
    assert!(out[..64].iter().all(|byte| *byte == 0xa5), "an encoder only appends");
    String::from_utf8(out.split_off(64)).expect("text")
}

fn encoded_request(request: &Request<'_>) -> String {
    let mut out = vec![0xa5; 64];
    request.encode(&mut out);
    assert!(out[..64].iter().all(|byte| *byte == 0xa5), "an encoder only appends");
    String::from_utf8(out.split_off(64)).expect("text")
}

/// Compares long texts and shows the place where they part.
fn assert_same(written: &str, capture: &str, name: &str) {
    let Some(at) = (0..written.len().max(capture.len()))
        .find(|&at| written.as_bytes().get(at) != capture.as_bytes().get(at))
    else {
        return;
    };
    let near =
        |text: &str| text.get(at.saturating_sub(80)..).unwrap_or("").chars().take(160).collect::<String>();
    panic!("{name} differs at byte {at}\nwritten: {}\ncapture: {}", near(written), near(capture));
}

fn playbacks<'a>(answer: &'a Answer<'_>) -> &'a Playbacks<'a> {
    match &answer.response {
        Some(Response::Playbacks(playbacks)) => playbacks,
        other => panic!("expected playbacks, found {other:?}"),
    }
}

fn executors<'a>(group: &'a Group<'a>) -> Vec<&'a Executor<'a>> {
    group.executors().collect()
}

fn color(text: &str) -> Option<Color> {
    Some(Color::parse(text).expect("a colour"))
}

/// Writing what was read gives the capture again, so no key and no value was lost on the way.
#[test]
fn every_answer_is_written_as_the_console_wrote_it() {
    for (name, bytes) in captures(false) {
        let answer = Answer::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut capture = compact(&bytes);
        capture = match &*name {
            // The browser tools that this was taken from write 1.000 as 1.
            "gma2-playbacks-buttons-101.response.json" => capture.replace("\"v\":1,", "\"v\":1.000,"),
            "dot2-status.server.json" | "gma2-status.server.json" => capture.replace(",", ", "),
            "gma2-old-status.server.txt" => "server ready".into(),
            _ => capture,
        };
        assert_same(&encoded(&answer), &capture, &name);
    }
}

/// What is left of an executor if only some of its parts are wanted.
fn only<'a>(executor: &Executor<'a>, wanted: Wanted) -> Executor<'a> {
    let mut only = Executor {
        width: executor.width,
        index: executor.index,
        is_running: executor.is_running,
        ..Executor::default()
    };
    only.object_type.text = executor.object_type.text.clone();
    if wanted.names {
        only.name.text = executor.name.text.clone();
    }
    if wanted.frames {
        only.frame = executor.frame;
    }
    if wanted.cues {
        only.cues.items = executor.cues.items.clone();
        only.cues.items.iter_mut().for_each(|cue| cue.color = None);
    }
    if wanted.blocks {
        only.blocks = executor.blocks.clone();
        for block in &mut only.blocks {
            (block.fader.frame, block.fader.function) = (None, None);
            for button in &mut block.buttons {
                (button.id, button.color, button.frame) = (0, None, None);
                button.function = "".into();
            }
        }
    }
    only
}

#[test]
fn what_is_wanted_of_an_answer_is_read_as_if_all_of_it_were() {
    let mut executors = 0;
    for (name, bytes) in captures(false) {
        let whole = Answer::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        for bits in 0..16 {
            let wanted = Wanted {
                names: bits & 1 != 0,
                cues: bits & 2 != 0,
                frames: bits & 4 != 0,
                blocks: bits & 8 != 0,
                rest: false,
            };
            let part =
                Answer::decode_wanted(&bytes, wanted).unwrap_or_else(|error| panic!("{name}: {error}"));
            let (Some(Response::Playbacks(whole)), Some(Response::Playbacks(part))) =
                (&whole.response, &part.response)
            else {
                assert_eq!(part, whole, "{name}");
                continue;
            };
            assert_eq!(part.groups.len(), whole.groups.len(), "{name}");
            for (part, whole) in part.groups.iter().zip(&whole.groups) {
                let read: Vec<_> = part.executors().cloned().collect();
                let expected: Vec<_> = whole.executors().map(|executor| only(executor, wanted)).collect();
                assert_eq!(read, expected, "{name}, {wanted:?}");
                executors += read.len();
            }
        }
    }
    assert!(executors > 1000, "{executors}");
}

#[test]
fn every_request_is_written_as_the_client_wrote_it() {
    for (name, bytes) in captures(true) {
        let request = Request::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (mut written, capture) = (encoded_request(&request), compact(&bytes));
        if name == "gma2-old-userInput-fader.request.json" {
            written = written.replace(",\"maxRequests\":0", "");
        }
        if name == "gma2-presetTypes.request.json" {
            written = written.replace("\"session\"", "\"type\":\"update\",\"session\"");
        }
        // Blanks inside of texts count, and `compact` keeps them.
        assert_same(&written, &capture, &name);
    }
}

#[test]
fn greetings_and_sessions_have_their_values() {
    for (name, console) in
        [("dot2-status.server.json", ConsoleFamily::Dot2), ("gma2-status.server.json", ConsoleFamily::Gma2)]
    {
        let bytes = capture(name);
        assert_eq!(Answer::decode(&bytes).expect(name), Answer::greeting(console), "{name}");
    }
    let bytes = capture("gma2-old-status.server.txt");
    let answer = Answer::decode(&bytes).expect("a greeting");
    assert_eq!(answer.greeting, Some(Greeting::Text));
    assert_eq!(answer.greeting.and_then(|greeting| greeting.console()), Some(ConsoleFamily::Gma2));

    for (name, expected) in [
        ("session-assigned-forceLogin.server.json", Answer::session(1, Some(true))),
        ("session-keepalive.server.json", Answer::session(3, None)),
        ("session-limit-reached.server.json", Answer::limit_reached()),
        ("gma2-login-ok.server.json", Answer::to(Response::Login { result: true })),
        (
            "dot2-login-ok.server.json",
            Answer {
                prompt: Some(" [Fixture]>".into()),
                prompt_color: color("#808080"),
                ..Answer::to(Response::Login { result: true })
            },
        ),
        (
            "gma2-getdata.server.json",
            Answer::to(Response::GetData(
                [("set", "1"), ("clear", "1"), ("solo", "0"), ("high", "0")]
                    .map(|(name, value)| (name.into(), value.into()))
                    .into(),
            )),
        ),
        ("dot2-getdata-set.server.json", Answer::to(Response::GetData(vec![("set".into(), "0".into())]))),
    ] {
        let bytes = capture(name);
        assert_eq!(Answer::decode(&bytes).expect(name), expected, "{name}");
    }
}

#[test]
fn faders_of_a_grandma2_have_their_values() {
    let bytes = capture("gma2-playbacks-faders-16-25.response.json");
    let answer = Answer::decode(&bytes).expect("an answer");
    let playbacks = playbacks(&answer);
    assert_eq!(
        (playbacks.dialect, playbacks.view, playbacks.page),
        (PlaybacksFormat::Grouped, View::Faders, 1)
    );
    let [group] = &*playbacks.groups else { panic!("one group") };
    assert_eq!((group.items_type, group.offset, group.pages), (ItemsType::Faders, 0, 10_000));
    assert_eq!(group.rows.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5]);
    let found: Vec<_> = executors(group)
        .iter()
        .map(|executor| {
            let fader = &executor.blocks[0].fader;
            (executor.index, &*executor.name.text, executor.is_running, fader.value, fader.text.as_deref())
        })
        .collect();
    assert_eq!(
        found,
        [
            (15, "MAIN_MIX", true, 1.0, Some("100%")),
            (16, "CONTENT", false, 0.0, Some("00%")),
            (17, "LOGO", false, 0.0, Some("00%")),
            (18, "LIVE", false, 0.0, Some("00%")),
            (19, "MONOCHROM", true, 1.0, Some("100%")),
            (20, "ShapeShifter Base", false, 1.0, Some("100%")),
            (21, "HausWash", true, 0.424, Some("42%")),
            (22, "Mythos", true, 0.584, Some("58%")),
            (23, "", false, 0.0, None),
            (24, "", false, 0.0, None),
        ]
    );
    let main = executors(group)[0];
    assert_eq!((&*main.object_type.text, &*main.object.text, main.cue()), ("HT", "3", Some("    1 Cue")));
    assert_eq!((main.background, main.frame), (color("#000000"), color("#FFFF80")));
    assert_eq!(main.cues.background, main.frame.map(Color::shade));
    assert_eq!(
        (main.cues.items[0].progress, main.cues.items[0].progress_color),
        (Some(1.0), color("#0000FF"))
    );
    let words: Vec<_> = main.blocks[0].buttons.iter().map(|button| (button.id, &*button.function)).collect();
    assert_eq!(words, [(0, "Flash"), (1, "Go"), (2, "Top")]);
    assert_eq!(main.blocks[0].fader.function.as_deref(), Some("HTP"));
    let empty = executors(group)[8];
    assert!(empty.is_empty() && !main.is_empty());
    assert_eq!((empty.blocks[0].fader.level(), empty.blocks[0].fader.max), (0.0, 0.0));
}

#[test]
fn a_cleared_executor_differs_from_one_that_was_never_used() {
    let bytes = capture("gma2-playbacks-faders-1-15.response.json");
    let answer = Answer::decode(&bytes).expect("an answer");
    let found = executors(&playbacks(&answer).groups[0]);
    let cleared = found.iter().find(|executor| executor.is_empty()).expect("one is cleared");
    assert_eq!((cleared.index, cleared.frame), (9, color("#404040")));
    assert_eq!(cleared.blocks[0].fader.text.as_deref(), Some(""));
    assert_eq!((&*found[8].name.text, found[8].is_running, found[8].cue()), ("Grand", false, Some("100%")));
    assert_eq!((found[1].is_running, found[1].blocks[0].fader.value), (true, 0.032));
}

#[test]
fn buttons_have_their_values_on_both_consoles() {
    let bytes = capture("gma2-playbacks-buttons-101.response.json");
    let answer = Answer::decode(&bytes).expect("an answer");
    let group = &playbacks(&answer).groups[0];
    assert_eq!((group.items_type, group.offset), (ItemsType::Buttons, 100));
    let names: Vec<_> = group.executors().map(|executor| &*executor.name.text).collect();
    assert_eq!(names, ["vorzurck", "SS FL", "circle", "3er", "TR SPARKLE"]);
    let first = executors(group)[0];
    assert_eq!((first.index, first.cue(), first.is_running), (100, Some("55.9 BPM"), false));
    assert_eq!((&*first.bottom[0].function.text, first.bottom[0].fader), ("Toggle", Some(1.0)));
    assert!(first.blocks.is_empty());

    let bytes = capture("dot2-playbacks-0-100-200.response.json");
    let answer = Answer::decode(&bytes).expect("an answer");
    let groups = &playbacks(&answer).groups;
    assert_eq!(
        groups.iter().map(|group| (group.offset, group.pages)).collect::<Vec<_>>(),
        [(0, 23), (100, 23), (200, 23)]
    );
    assert!(groups.iter().all(|group| group.rows.iter().all(|row| row.len() == 1)));
    let found: Vec<_> = groups[1]
        .executors()
        .filter(|executor| !executor.is_empty())
        .map(|executor| (executor.index, &*executor.object.text, executor.is_running, executor.background))
        .collect();
    assert_eq!(
        found,
        [
            (100, "2", true, color("#E8A901")),
            (101, "3", false, color("#000000")),
            (102, "4", false, color("#000000")),
        ]
    );
}

#[test]
fn masters_drawn_as_buttons_have_their_values() {
    let bytes = capture("gma2-playbacks-start0-as-buttons-90.response.json");
    let answer = Answer::decode(&bytes).expect("an answer");
    let group = &playbacks(&answer).groups[0];
    let found = executors(group);
    assert_eq!((found.len(), group.offset), (90, 100));
    for (at, kind, object, name, cue, runs) in [
        (0, " P", "1", "Edit BARS", None, false),
        (8, "  ", "", "Grand", Some("98%"), false),
        (15, "Sp", "3.1", "Spd 1", Some("80.6 BPM"), true),
        (16, "Ra", "4.8", "RESOLUME", Some("1:1"), false),
        (18, "Pl", "5.1", "STEP BARS", Some("0"), false),
        (30, "Ra", "4.1", "BARS", Some("2.00"), true),
        (60, "  LAS", "60", "STRB_EO", Some("80.6 BPM"), false),
    ] {
        let executor = found[at];
        assert_eq!(
            (
                executor.index as usize,
                &*executor.object_type.text,
                &*executor.object.text,
                &*executor.name.text,
                executor.cue(),
                executor.is_running
            ),
            (at, kind, object, name, cue, runs)
        );
    }
    assert_eq!(found[0].background, color("#800000"));
    assert_eq!(found[60].cues.items[0].progress, Some(0.358));
}

#[test]
fn the_flat_dialect_becomes_the_same_as_the_grouped_one() {
    let bytes = capture("gma2-old-playbacks-buttons-100-60.response.json");
    let answer = Answer::decode(&bytes).expect("an answer");
    let playbacks = playbacks(&answer);
    assert_eq!((playbacks.dialect, playbacks.page), (PlaybacksFormat::Flat, 1));
    let [group] = &*playbacks.groups else { panic!("one group") };
    assert_eq!((group.items_type, group.offset, group.pages), (ItemsType::Buttons, 100, 10_000));
    assert_eq!(executors(group).len(), 60);
    let running: Vec<_> = group.executors().filter(|executor| executor.is_running).collect();
    let [running] = &*running else { panic!("one runs, found {running:?}") };
    assert_eq!((running.index, &*running.name.text), (126, "G Toggle"));
    let macros = group
        .executors()
        .filter(|executor| executor.bottom.iter().any(|button| button.fader_color.is_none()));
    assert_eq!(macros.map(|executor| executor.index).collect::<Vec<_>>(), [108, 118, 128, 138]);

    for (name, ranges, page_index) in [
        (
            "gma2-old-playbacks-buttons.request.json",
            [Range { start: 100, count: 60, items_type: ItemsType::Buttons }],
            0,
        ),
        (
            "gma2-old-playbacks-faders.request.json",
            [Range { start: 0, count: 5, items_type: ItemsType::Faders }],
            1,
        ),
    ] {
        let bytes = capture(name);
        let Request::Playbacks(request) = Request::decode(&bytes).expect(name) else { panic!("{name}") };
        assert_eq!(
            (request.dialect, &*request.ranges, request.page_index),
            (PlaybacksFormat::Flat, &ranges[..], page_index)
        );
    }
}

#[test]
fn preset_types_have_their_values() {
    let bytes = capture("gma2-presetTypeList.response.json");
    let answer = Answer::decode(&bytes).expect("an answer");
    let Some(Response::PresetTypeList(types)) = &answer.response else { panic!("{answer:?}") };
    let found: Vec<_> = types.iter().map(|one| (one.number, one.name.as_deref(), one.is_selected)).collect();
    assert_eq!(found.len(), 7);
    assert_eq!((found[0], found[6]), ((Some(1), Some("DIMMER"), false), (Some(7), Some("CONTROL"), true)));
    assert!(types.iter().all(|one| one.features.is_none() && one.pretty_name.is_some() && one.active == 0));

    let bytes = capture("gma2-presetTypes.response.json");
    let answer = Answer::decode(&bytes).expect("an answer");
    let Some(Response::PresetTypes { kind, types }) = &answer.response else { panic!("{answer:?}") };
    assert_eq!((&**kind, types.len()), ("update", 7));
    let attributes: Vec<_> =
        types.iter().flat_map(|one| one.features.iter().flatten()).flat_map(|one| &one.attributes).collect();
    let names: Vec<_> = attributes.iter().take(4).map(|one| &*one.name).collect();
    assert_eq!((names, attributes.len()), (vec!["Dim", "Pan", "Tilt", "Blink"], 19));
    assert_eq!((attributes[0].text.as_deref(), attributes[0].background), (Some("open"), color("#000030")));
    let with_value = attributes.iter().filter(|one| one.text.is_some());
    assert_eq!(with_value.map(|one| &*one.name).collect::<Vec<_>>(), ["Dim", "LampControl"]);
}

#[test]
fn requests_of_a_browser_have_their_values() {
    for (name, expected) in [
        ("gma2-command-att-pan.request.json", Request::Command { command: "Att PAN".into(), session: 3 }),
        ("gma2-command.request.json", Request::Command { command: "test".into(), session: 3 }),
        (
            "gma2-encoder-pan.request.json",
            Request::Encoder { name: "PAN".into(), value: 6.670383165829146, resolution: 0, session: 3 },
        ),
        (
            "gma2-userInput-fader.request.json",
            Request::Fader { exec_index: 3, page_index: 0, value: 0.46255506607929514, session: 3 },
        ),
        (
            "gma2-old-userInput-fader.request.json",
            Request::Fader { exec_index: 0, page_index: 1, value: 0.7903361344537815, session: 3 },
        ),
        (
            "gma2-userInput-button.request.json",
            Request::Button {
                exec_index: 101,
                page_index: 0,
                button_id: 0,
                pressed: false,
                cmdline: "".into(),
                session: 2,
            },
        ),
        (
            "gma2-presetTypeList.request.json",
            Request::Unknown { request_type: "presetTypeList".into(), session: 3 },
        ),
        (
            "gma2-presetTypes.request.json",
            Request::Unknown { request_type: "presetTypes".into(), session: 3 },
        ),
        (
            "gma2-playbacks-faders.request.json",
            Request::Playbacks(PlaybacksRequest {
                dialect: PlaybacksFormat::Grouped,
                ranges: vec![Range { start: 0, count: 10, items_type: ItemsType::Faders }],
                page_index: 0,
                view: View::Faders,
                exec_button_view_mode: Some(1),
                buttons_view_mode: Some(0),
                session: 4,
            }),
        ),
    ] {
        let bytes = capture(name);
        assert_eq!(Request::decode(&bytes).expect(name), expected, "{name}");
    }
}

#[test]
fn every_prefix_of_every_capture_is_an_error_and_none_a_panic() {
    for requests in [false, true] {
        for (name, bytes) in captures(requests) {
            let bytes = bytes.trim_ascii_end();
            for len in 0..bytes.len() {
                let cut = &bytes[..len];
                assert!(Answer::decode(cut).is_err(), "{name} cut at {len} as an answer");
                assert!(Request::decode(cut).is_err(), "{name} cut at {len} as a request");
            }
        }
    }
}

#[test]
fn a_thousand_mutations_of_every_capture_do_not_panic() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) as usize % below
    };
    let (mut read, mut refused) = (0, 0);
    for requests in [false, true] {
        for (_, bytes) in captures(requests) {
            for _ in 0..1000 {
                let mut mutant = bytes.to_vec();
                for _ in 0..=next(4) {
                    let at = next(mutant.len());
                    match next(5) {
                        0 => mutant[at] ^= 1 << next(8),
                        1 => mutant[at] = b"{}[]\",:\\0-eNt"[next(13)],
                        2 => drop(mutant.drain(at..(at + 1 + next(20)).min(mutant.len()))),
                        3 => mutant.insert(at, b"{}[]\",:\\0-eNt"[next(13)]),
                        _ => {
                            let end = (at + 1 + next(40)).min(mutant.len());
                            let copy = mutant[at..end].to_vec();
                            mutant.splice(at..at, copy);
                        }
                    }
                    if mutant.is_empty() {
                        mutant.push(b'{');
                    }
                }
                for result in [Answer::decode(&mutant).map(drop), Request::decode(&mutant).map(drop)] {
                    match result {
                        Ok(()) => read += 1,
                        Err(_) => refused += 1,
                    }
                }
            }
        }
    }
    assert!(
        read > 1000 && refused > 1000,
        "{read} read, {refused} refused: the mutations are too weak or too strong"
    );
}

#[test]
fn what_real_clients_get_wrong_is_read_all_the_same() {
    for (written, expected) in [
        // A quotation mark behind the message, numbers as texts, missing values, Python's booleans, 1 for pressed.
        (r#"{"session":5}'"#, Ok(Request::Session { session: 5 })),
        (
            r#"{"requestType":"login","username":"a","password":,"session":"5"}"#,
            Ok(Request::Login { username: "a".into(), password: "".into(), session: 5 }),
        ),
        (
            r#"{"requestType":"playbacks_userInput","execIndex":"8","pageIndex":0,"buttonId":0,"pressed":1,"released":0,"type":0,"session":1}"#,
            Ok(Request::Button {
                exec_index: 8,
                page_index: 0,
                button_id: 0,
                pressed: true,
                cmdline: "".into(),
                session: 1,
            }),
        ),
        (
            r#"{"requestType":"playbacks_userInput","execIndex":8,"pageIndex":0,"pressed":False,"released":True,"session":1}"#,
            Ok(Request::Button {
                exec_index: 8,
                page_index: 0,
                button_id: 0,
                pressed: false,
                cmdline: "".into(),
                session: 1,
            }),
        ),
        (
            r#"{"keyname":"OOPS","value":1,"autoSubmit":null,"session":1}"#,
            Ok(Request::Keyname {
                keyname: "OOPS".into(),
                pressed: true,
                auto_submit: false,
                cmdline_text: None,
                session: 1,
            }),
        ),
        (
            r#"{"requestType":"keyname","keyname":"SET","value":1,"autoSubmit":true,"cmdlinetext":"Store ","session":1}"#,
            Ok(Request::Keyname {
                keyname: "SET".into(),
                pressed: true,
                auto_submit: true,
                cmdline_text: Some("Store ".into()),
                session: 1,
            }),
        ),
        // A quotation mark too many, and a text that has none of its own.
        (
            r#"{"requestType":"getdata","data":"set","session":1","maxRequests":1}"#,
            Ok(Request::GetData { names: "set".into(), session: 1 }),
        ),
        (
            r#"{"command":LUA "gma.canbus.encoder(0,4,pressed)","session":1,"requestType":"command","maxRequests":0}"#,
            Ok(Request::Command { command: r#"LUA "gma.canbus.encoder(0,4,pressed)""#.into(), session: 1 }),
        ),
        (
            r#"{"session":7","requestType":"command","command":Off Page Thru}"#,
            Ok(Request::Command { command: "Off Page Thru".into(), session: 7 }),
        ),
        (r#"{"session":3"}"#, Ok(Request::Session { session: 3 })),
        (r#"{"session":1,"session":2}"#, Ok(Request::Session { session: 2 })),
        ("{}", Ok(Request::Unknown { request_type: "".into(), session: 0 })),
    ] {
        assert_eq!(Request::decode(written.as_bytes()), expected, "{written}");
    }
    for broken in [
        "12462572",
        "",
        "[undefined]",
        "hello",
        r#"{"requestType":"playbacks","startIndex":],"itemsCount":],"itemsType":],"session":1}"#,
        r#"{"requestType":"playbacks","startIndex":[undefined],"itemsCount":[5],"itemsType":[2],"session":1}"#,
        r#"{"requestType":"playbacks","startIndex":[0,5],"itemsCount":[5],"itemsType":[2],"session":1}"#,
        r#"{"requestType":"playbacks_userInput","execIndex":-1,"faderValue":1,"type":1}"#,
        r#"{"requestType":"playbacks_userInput","execIndex":1,"faderValue":1e400,"type":1}"#,
        r#"{"requestType":"playbacks_userInput","execIndex":1,"faderValue":NaN,"type":1}"#,
    ] {
        assert!(Request::decode(broken.as_bytes()).is_err(), "{broken}");
    }
    assert!(Request::decode(b"{\"session\":\xff}").is_err());
}

#[test]
fn what_is_wrong_with_the_json_of_a_client_is_named_and_what_is_right_is_not() {
    let flaws = |text: &str| {
        let (_, flaws) = Request::decode_with_flaws(text.as_bytes()).expect("a request");
        flaws.iter().collect::<Vec<_>>()
    };
    for (written, expected) in [
        (r#"{"session":1","maxRequests":0}"#, vec![(Flaw::StrayQuote, 12)]),
        (r#"{"command":LUA "x","requestType":"command"}"#, vec![(Flaw::BareText, 11)]),
        (r#"{"session":1,"autoSubmit":True}'"#, vec![(Flaw::CapitalBoolean, 26), (Flaw::Rest, 31)]),
        (r#"{"session":1,"password":,"x":[undefined]}"#, vec![(Flaw::NoValue, 24)]),
    ] {
        assert_eq!(flaws(written), expected, "{written}");
    }
    for (name, bytes) in captures(true) {
        assert_eq!(flaws(&String::from_utf8(bytes).expect("text")), [], "{name}");
    }
}

#[test]
fn doubled_keys_wrong_types_and_deep_nesting_cost_no_answer() {
    let twice = br#"{"realtime":false,"session":2,"worldIndex":0,"forceLogin":true,"worldIndex":0}"#;
    assert_eq!(Answer::decode(twice), Ok(Answer::session(2, Some(true))));

    let deep = format!(r#"{{"session":4,"x":{}{},"text":"Store "}}"#, "[".repeat(60_000), "]".repeat(60_000));
    let answer = Answer::decode(deep.as_bytes()).expect("an answer");
    assert_eq!((answer.session, answer.text.as_deref()), (Some(4), Some("Store ")));

    let wrong = br#"{"responseType":"playbacks","iPage":"2","itemGroups":[{"itemsType":"2","items":[[
        {"iExec":"3","isRun":"1","tt":"bare","i":7,"oType":null,"cues":[],"combinedItems":0,
         "executorBlocks":[{"fader":{"v":"0.5","min":null,"max":1e400,"vT":5},"button1":"x"}],"executorBlocks":[
            {"fader":{"v":"0.25","min":0,"max":1}}]}, 5, "x"]]}, null]}"#;
    let answer = Answer::decode(wrong).expect("an answer");
    let found = executors(&playbacks(&answer).groups[0]);
    assert_eq!(playbacks(&answer).page, 2);
    assert_eq!(
        (found[0].index, found[0].is_running, &*found[0].name.text, found[0].width),
        (3, true, "bare", 1)
    );
    assert_eq!(found[0].blocks[0].fader.level(), 0.25);
}

mod identity {
    use std::borrow::Cow;

    use crosspatch_backends::maweb::wire::*;
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    fn text() -> impl Clone + Strategy<Value = Cow<'static, str>> {
        any::<String>().prop_map(Cow::Owned)
    }

    fn color() -> impl Clone + Strategy<Value = Color> {
        any::<[u8; 3]>().prop_map(Color)
    }

    fn label() -> impl Clone + Strategy<Value = ColoredText<'static>> {
        (text(), of(color())).prop_map(|(text, color)| ColoredText { text, color })
    }

    /// Consoles write three decimals.
    fn decimals() -> impl Clone + Strategy<Value = f64> {
        (-5_000_i32..300_000).prop_map(|thousandths| f64::from(thousandths) / 1000.0)
    }

    fn executor(dialect: PlaybacksFormat) -> impl Clone + Strategy<Value = Executor<'static>> {
        let cue = (of(text()), of(color()), of(decimals()), of(color())).prop_map(
            |(text, color, progress, progress_color)| CueRow { text, color, progress, progress_color },
        );
        let button = (any::<u32>(), text(), any::<bool>(), of(color()), of(color()), of(color())).prop_map(
            |(id, function, is_selected, color, frame, left_led)| ExecButton {
                id,
                function,
                is_selected,
                color,
                frame,
                left_led,
                right_led: left_led,
            },
        );
        let fader = (of(color()), of(text()), decimals(), of(text()), decimals(), decimals()).prop_map(
            |(frame, function, value, text, min, max)| ExecFader { frame, function, value, text, min, max },
        );
        let block = ([button.clone(), button.clone(), button], fader)
            .prop_map(|(buttons, fader)| Block { buttons, fader });
        let bottom = (of(decimals()), of(color()), label())
            .prop_map(|(fader, fader_color, function)| BottomButton { fader, fader_color, function });
        (
            (label(), label(), label(), label(), of(color()), of(color())),
            (of(color()), vec(cue, 0..3), 1_u32..9, any::<u32>(), any::<bool>()),
            (vec(block, 0..2), vec(bottom, 0..2)),
        )
            .prop_map(
                move |(head, (cues_background, items, width, index, runs), (blocks, bottom))| {
                    let shows =
                        items.iter().any(|cue: &CueRow<'_>| cue.progress_color == Some(Color::RUNNING));
                    Executor {
                        number: head.0,
                        object_type: head.1,
                        object: head.2,
                        name: head.3,
                        background: head.4,
                        frame: head.5,
                        cues: CueRows { background: cues_background, items },
                        width,
                        index,
                        is_running: if dialect == PlaybacksFormat::Flat { shows } else { runs },
                        blocks,
                        bottom,
                    }
                },
            )
    }

    fn items_type() -> impl Clone + Strategy<Value = ItemsType> {
        prop_oneof![Just(ItemsType::Main), Just(ItemsType::Faders), Just(ItemsType::Buttons)]
    }

    fn playbacks(dialect: PlaybacksFormat) -> impl Clone + Strategy<Value = Playbacks<'static>> {
        let group = (items_type(), any::<u32>(), any::<u32>(), vec(vec(executor(dialect), 0..3), 0..3))
            .prop_map(|(items_type, offset, pages, rows)| Group { items_type, offset, pages, rows });
        let groups = if dialect == PlaybacksFormat::Flat { 1..2 } else { 0..3 };
        let view = if dialect == PlaybacksFormat::Flat {
            Just(View::None).boxed()
        } else {
            prop_oneof![Just(View::None), Just(View::Faders), Just(View::Channels)].boxed()
        };
        (view, any::<u32>(), of(text()), any::<bool>(), vec(group, groups)).prop_map(
            move |(view, page, page_name, access_denied, groups)| Playbacks {
                dialect,
                view,
                page,
                page_name,
                access_denied,
                groups,
            },
        )
    }

    fn preset_types() -> impl Clone + Strategy<Value = Vec<PresetType<'static>>> {
        let attribute = (text(), any::<i64>(), any::<bool>(), of(text()), of(color())).prop_map(
            |(name, active, is_selected, text, color)| Attribute {
                name,
                active,
                is_selected,
                resolution: active,
                text,
                color,
                background: color,
            },
        );
        let feature = (text(), any::<bool>(), vec(attribute, 0..3), any::<i64>()).prop_map(
            |(name, is_selected, attributes, active)| Feature { name, is_selected, attributes, active },
        );
        let preset_type = (of(any::<i64>()), of(text()), any::<bool>(), of(vec(feature, 0..3)), any::<i64>())
            .prop_map(|(number, name, is_selected, features, active)| PresetType {
                number,
                pretty_name: name.clone(),
                name,
                is_selected,
                features,
                active,
            });
        vec(preset_type, 0..3)
    }

    fn response() -> impl Clone + Strategy<Value = Response<'static>> {
        let confirmation =
            (text(), text(), vec((text(), any::<i64>()), 0..3)).prop_map(|(title, message, buttons)| {
                Confirmation { title, message, buttons, ..Confirmation::default() }
            });
        prop_oneof![
            any::<bool>().prop_map(|result| Response::Login { result }),
            playbacks(PlaybacksFormat::Grouped).prop_map(Response::Playbacks),
            playbacks(PlaybacksFormat::Flat).prop_map(Response::Playbacks),
            vec(("[a-z]{1,8}".prop_map(Cow::Owned), text()), 0..4).prop_map(Response::GetData),
            confirmation.clone().prop_map(Response::Confirmation),
            confirmation.prop_map(|confirmation| Response::PresetConfirmation(Confirmation {
                question: Some("which?".into()),
                choice: Some(1),
                ..confirmation
            })),
            (text(), preset_types()).prop_map(|(kind, types)| Response::PresetTypes { kind, types }),
            preset_types().prop_map(Response::PresetTypeList),
            Just(Response::Other("pool".into())),
        ]
    }

    fn answer() -> impl Clone + Strategy<Value = Answer<'static>> {
        (
            (of(any::<i64>()), of(any::<bool>()), any::<bool>()),
            (of(text()), of(text()), of(color())),
            (of(any::<bool>()), of(any::<i64>())),
            of(response()),
        )
            .prop_map(|(session, line, common, response)| Answer {
                greeting: None,
                session: session.0,
                force_login: session.1,
                limit_reached: session.2,
                text: line.0,
                prompt: line.1,
                prompt_color: line.2,
                realtime: common.0,
                world_index: common.1,
                response,
            })
    }

    fn request() -> impl Clone + Strategy<Value = Request<'static>> {
        let float = any::<f64>().prop_filter("a number", |number| number.is_finite());
        let range = (any::<u32>(), any::<u32>(), items_type()).prop_map(|(start, count, items_type)| Range {
            start,
            count,
            items_type,
        });
        let playbacks = (any::<bool>(), vec(range, 1..5), any::<u32>(), of(0_u32..3), any::<i64>()).prop_map(
            |(flat, mut ranges, page_index, mode, session)| {
                if flat {
                    ranges.truncate(1);
                }
                Request::Playbacks(PlaybacksRequest {
                    dialect: if flat { PlaybacksFormat::Flat } else { PlaybacksFormat::Grouped },
                    ranges,
                    page_index,
                    view: if flat { View::None } else { View::Buttons },
                    exec_button_view_mode: mode,
                    buttons_view_mode: mode,
                    session,
                })
            },
        );
        let session = any::<i64>;
        prop_oneof![
            session().prop_map(|session| Request::Session { session }),
            (text(), text(), session()).prop_map(|(username, password, session)| Request::Login {
                username,
                password,
                session
            }),
            playbacks,
            (any::<u32>(), any::<u32>(), float.clone(), session()).prop_map(
                |(exec_index, page_index, value, session)| Request::Fader {
                    exec_index,
                    page_index,
                    value,
                    session
                }
            ),
            (any::<[u32; 3]>(), any::<bool>(), text(), session()).prop_map(
                |([exec_index, page_index, button_id], pressed, cmdline, session)| Request::Button {
                    exec_index,
                    page_index,
                    button_id,
                    pressed,
                    cmdline,
                    session,
                }
            ),
            (text(), session()).prop_map(|(command, session)| Request::Command { command, session }),
            (text(), any::<bool>(), any::<bool>(), of(text()), session()).prop_map(
                |(keyname, pressed, auto_submit, cmdline_text, session)| Request::Keyname {
                    keyname,
                    pressed,
                    auto_submit,
                    cmdline_text,
                    session,
                }
            ),
            (text(), float, any::<u32>(), session()).prop_map(|(name, value, resolution, session)| {
                Request::Encoder { name, value, resolution, session }
            }),
            (text(), session()).prop_map(|(names, session)| Request::GetData { names, session }),
            (any::<i64>(), session())
                .prop_map(|(result, session)| Request::ConfirmationResult { result, session }),
            (any::<i64>(), any::<i64>(), session()).prop_map(|(mode, result, session)| {
                Request::PresetConfirmationResult { mode, result, session }
            }),
            session().prop_map(|session| Request::Close { session }),
            session().prop_map(|session| Request::Unknown { request_type: "pool".into(), session }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn decoding_what_a_console_encodes_gives_the_same(answer in answer()) {
            let mut out = Vec::new();
            answer.encode(&mut out);
            prop_assert!(!out.contains(&b'\n'));
            prop_assert_eq!(Answer::decode(&out), Ok(answer));
        }

        #[test]
        fn decoding_what_a_client_encodes_gives_the_same(request in request()) {
            let mut out = Vec::new();
            request.encode(&mut out);
            prop_assert!(!out.contains(&b'\n'));
            prop_assert_eq!(Request::decode(&out), Ok(request));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..300)) {
            let mut line = String::new();
            describe(&bytes, &mut line);
            let _ = (Answer::decode(&bytes), Request::decode(&bytes));
        }
    }
}
