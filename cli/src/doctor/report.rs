//! The findings for people.

use std::fmt::Write as _;

use super::finding::{Finding, Severity};
use crate::{
    table::{self, Colour},
    terminal::plain,
};

/// The narrowest and the widest text that is made.
const WIDTHS: std::ops::RangeInclusive<usize> = 60..=110;

/// How wide the terminal is; where there is none, as wide as is read well.
pub fn width() -> usize {
    table::width().unwrap_or(*WIDTHS.end()).clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// All findings, the worst first, and a line that sums them up.
pub fn shown(findings: &[Finding], width: usize) -> String {
    let mut text = String::new();
    for severity in [Severity::Wrong, Severity::Unknown, Severity::Advice, Severity::Fine] {
        let (mark, colour) = match severity {
            Severity::Wrong => ("✗", Colour::Bad),
            Severity::Unknown => ("?", Colour::Open),
            Severity::Advice => ("!", Colour::Open),
            Severity::Fine => ("✓", Colour::Good),
        };
        for finding in findings.iter().filter(|finding| finding.severity == severity) {
            let said = format!("{} {}", plain(&finding.subject), plain(&finding.message));
            for (at, line) in wrapped(&said, width - 2).iter().enumerate() {
                let mark = if at == 0 { colour.of(mark) } else { " ".to_owned() };
                let _ = writeln!(text, "{mark} {line}");
            }
            for (at, line) in finding.cure.iter().flat_map(|cure| wrapped(&plain(cure), width - 4)).enumerate() {
                let arrow = if at == 0 { "→" } else { " " };
                let _ = writeln!(text, "  {}", Colour::Dim.of(&format!("{arrow} {line}")));
            }
        }
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let _ = writeln!(
        text,
        "{}",
        Colour::Bold.of(&format!(
            "{} wrong, {} not looked at, {} advice, {} right",
            count(Severity::Wrong),
            count(Severity::Unknown),
            count(Severity::Advice),
            count(Severity::Fine)
        ))
    );
    text
}

/// Lines of at most so many characters, broken between words; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Code;

    #[test]
    fn the_worst_comes_first_and_every_line_fits() {
        let findings = [
            Finding::fine("stack longshore", "is CREATE_COMPLETE"),
            Finding::advice(Code::StopTimeout, "container web of web", "is given 30 s to stop", "shorten stopTimeout"),
            Finding::wrong(
                Code::ProjectMissing,
                "project web-build",
                "is not there: CodeBuild has no project of this name in this account and region",
                "make it, or write its name into `project` of pipeline web",
            ),
            Finding::unlooked("secret", "may not look", "let whoever runs this call secretsmanager:GetSecretValue"),
        ];
        let text = anstream::adapter::strip_str(&shown(&findings, 60)).to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        insta::assert_snapshot!(text);
    }
}
