use crate::stack::{Stack, bash, folder};

/// Takes eleven seconds, because the steps wait for the end of the grace period.
#[test]
fn the_printed_steps_work() {
    let folder = folder();
    let stack = Stack::start(&folder.path().join("data"));
    let printed = bash(stack.steps(), folder.path());
    let lines: Vec<&str> = printed.lines().collect();
    let [registered, greeted, refreshed, spent, newest, logged_in, logged_out] = lines[..] else {
        panic!("seven responses, not:\n{printed}");
    };
    assert!(
        registered.contains(r#""rotation":0"#) && registered.contains(r#""expires_in":60"#),
        "{registered}"
    );
    assert!(greeted.contains(r#""message":"Hello Ann""#), "{greeted}");
    assert!(refreshed.contains(r#""rotation":1"#) && refreshed.contains("access_token"), "{refreshed}");
    for refused in [spent, newest] {
        assert!(refused.contains(r#""status":401"#) && refused.contains("reuse_detected"), "{refused}");
    }
    assert!(logged_in.contains(r#""rotation":0"#), "{logged_in}");
    assert_eq!(logged_out, "204");
}

#[test]
fn the_steps_can_be_pasted_again_in_a_later_run() {
    let folder = folder();
    let data = folder.path().join("data");
    let first = Stack::start(&data);
    assert!(bash(&until_refresh(&first), folder.path()).contains("Hello Ann"));
    assert!(first.stop("TERM").success());
    let second = Stack::start(&data);
    assert!(bash(&until_refresh(&second), folder.path()).contains("Hello Ann"));
}

#[test]
fn within_the_grace_period_the_old_cookie_returns_the_same_successor() {
    let folder = folder();
    let stack = Stack::start(&folder.path().join("data"));
    let printed = bash(&stack.steps().replace("sleep 11", ""), folder.path());
    let spent = printed.lines().nth(3).unwrap_or_default();
    assert!(spent.contains(r#""rotation":1"#), "{printed}");
}

#[test]
fn the_text_fits_a_terminal() {
    let folder = folder();
    let stack = Stack::start(&folder.path().join("data"));
    assert!(stack.text.lines().count() <= 40, "{}", stack.text);
    let mut lines = stack.steps().lines();
    assert!(lines.all(|line| line.chars().count() <= 100), "{}", stack.text);
    // The folder of this test has a longer name than `data`.
    let data = folder.path().join("data").display().to_string();
    let text = stack.text.replace(&data, "data");
    let (above, _) = text.split_once("Paste this").expect("the lines to paste");
    assert!(above.lines().all(|line| line.trim_end().chars().count() <= 80), "{above}");
}

/// Both can be pasted, so they must not differ.
#[test]
fn the_readme_has_the_same_lines() {
    let folder = folder();
    let stack = Stack::start(&folder.path().join("data"));
    let readme = include_str!("../../../README.md");
    let commands =
        stack.steps().lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    // The first contains addresses, which differ here.
    for command in commands.skip(1) {
        assert!(readme.lines().any(|line| line == command), "the README lacks: {command}");
    }
}

fn until_refresh(stack: &Stack) -> String {
    let steps = stack.steps();
    let end = steps.find("# 3.").expect("a third step");
    steps[..end].to_owned()
}
