//! Slack's markup as HTML. Source: <https://docs.slack.dev/messaging/formatting-message-text>.
//!
//! The text is hostile: everything that comes out of it goes through maud's escaping, and a link needs a harmless scheme.
//! Time is about linear in the length of a line: a style is looked for only where it is not open already, and a marker that has
//! no partner is not looked for again.

use maud::{Markup, PreEscaped, Render as _, html};

use crate::{date, draw::Directory, emoji::emoji};

/// Draws a text of markup.
pub fn mrkdwn(text: &str, directory: &Directory) -> Markup {
    let mut html = String::new();
    for (i, part) in fences(text).into_iter().enumerate() {
        if i % 2 == 1 {
            html.push_str(&html! { pre { (decoded(part.trim_matches('\n'))) } }.into_string());
        } else {
            lines(part, directory, &mut html);
        }
    }
    PreEscaped(html)
}

/// Draws a `plain_text`: no markup, only emoji.
pub fn plain(text: &str) -> Markup {
    let mut html = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(':') {
        push(&mut html, &rest[..at]);
        rest = &rest[at..];
        let taken = shortcode(rest, &mut html).unwrap_or_else(|| {
            html.push(':');
            1
        });
        rest = &rest[taken..];
    }
    push(&mut html, rest);
    PreEscaped(html.replace('\n', "<br>"))
}

/// Splits at pairs of three backticks: the odd parts are code. A fence without a partner is text.
fn fences(text: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("```")
        && let Some((code, after)) = after.split_once("```")
    {
        parts.extend([before, code]);
        rest = after;
    }
    parts.push(rest);
    parts
}

/// Lines, of which those that begin with `&gt;` are quotes.
fn lines(text: &str, directory: &Directory, html: &mut String) {
    let quoted = |line: &str| line.strip_prefix("&gt;").or(line.strip_prefix('>')).is_some();
    let lines: Vec<&str> = text.split('\n').collect();
    for (i, group) in lines.chunk_by(|a, b| quoted(a) == quoted(b)).enumerate() {
        let quote = quoted(group[0]);
        if quote {
            html.push_str("<blockquote>");
        } else if i > 0 && group.len() == 1 && group[0].is_empty() {
            continue;
        }
        for (i, line) in group.iter().enumerate() {
            let line = if quote { line.trim_start_matches("&gt;").trim_start_matches('>').trim_start() } else { line };
            if i > 0 {
                html.push_str("<br>");
            }
            Line::new(line, directory).draw(html);
        }
        if quote {
            html.push_str("</blockquote>");
        }
    }
}

/// One line, or a part of it inside a style.
struct Line<'a> {
    text: &'a str,
    directory: &'a Directory,
    /// The styles that are open or have no closing marker in the rest of the line.
    closed: Vec<char>,
}

impl<'a> Line<'a> {
    fn new(text: &'a str, directory: &'a Directory) -> Self {
        Self { text, directory, closed: Vec::new() }
    }

    fn draw(mut self, html: &mut String) {
        let text = self.text;
        let (mut at, mut written) = (0, 0);
        while let Some(offset) = text[at..].find(['<', '`', '*', '_', '~', ':']) {
            at += offset;
            let mut piece = String::new();
            let taken = match text.as_bytes()[at] {
                b'<' => self.control(at, &mut piece),
                b':' => shortcode(&text[at..], &mut piece),
                marker => self.style(at, char::from(marker), &mut piece),
            };
            if let Some(taken) = taken {
                push(html, &text[written..at]);
                html.push_str(&piece);
                at += taken;
                written = at;
            } else {
                at += 1;
            }
        }
        push(html, &text[written..]);
    }

    /// `*bold*` and the like: a marker at the edge of a word, closed before a non-word character.
    fn style(&mut self, at: usize, marker: char, html: &mut String) -> Option<usize> {
        let inner = &self.text[at + 1..];
        let word_before = self.text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        if self.closed.contains(&marker) || word_before || inner.starts_with([marker, ' ']) {
            return None;
        }
        let Some(length) = closing(inner, marker) else {
            self.closed.push(marker);
            return None;
        };
        let inner = &inner[..length];
        let tag = match marker {
            '*' => "b",
            '_' => "i",
            '~' => "s",
            _ => {
                html.push_str(&html! { code { (decoded(inner)) } }.into_string());
                return Some(length + 2);
            }
        };
        html.extend(["<", tag, ">"]);
        let open = [self.closed.as_slice(), &[marker]].concat();
        Line { text: inner, directory: self.directory, closed: open }.draw(html);
        html.extend(["</", tag, ">"]);
        Some(length + 2)
    }

    /// `<…>`: a mention, a date or a link.
    fn control(&mut self, at: usize, html: &mut String) -> Option<usize> {
        if self.closed.contains(&'<') {
            return None;
        }
        let Some(length) = self.text[at + 1..].find('>') else {
            self.closed.push('<');
            return None;
        };
        let content = &self.text[at + 1..at + 1 + length];
        html.push_str(&control(content, self.directory)?.into_string());
        Some(length + 2)
    }
}

/// Where the style ends: after no space, before no letter, and not within `<…>`.
fn closing(inner: &str, marker: char) -> Option<usize> {
    let mut from = 0;
    while let Some(offset) = inner[from..].find([marker, '<']) {
        let at = from + offset;
        if inner[at..].starts_with('<') && marker != '`' {
            from = at + inner[at..].find('>').unwrap_or(0) + 1;
            continue;
        }
        let space_before = marker != '`' && inner[..at].ends_with(char::is_whitespace);
        let word_after = inner[at + 1..].starts_with(char::is_alphanumeric);
        if at > 0 && inner[at..].starts_with(marker) && !space_before && !word_after {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

fn control(content: &str, directory: &Directory) -> Option<Markup> {
    let (target, label) = content.split_once('|').map_or((content, None), |(target, label)| (target, Some(label)));
    let mention = |sign: &str, name: &str| html! { span.mention { (sign) (decoded(name)) } };
    if let Some(id) = target.strip_prefix('@') {
        return Some(mention("@", directory.users.get(id).map(String::as_str).or(label).unwrap_or(id)));
    }
    if let Some(id) = target.strip_prefix('#') {
        return Some(mention("#", directory.channels.get(id).map(String::as_str).or(label).unwrap_or(id)));
    }
    if let Some(id) = target.strip_prefix("!subteam^") {
        let name = directory.groups.get(id).map(String::as_str).or(label).unwrap_or(id);
        return Some(mention("@", name.trim_start_matches('@')));
    }
    if let Some(date) = target.strip_prefix("!date^") {
        let mut parts = date.splitn(3, '^');
        let (seconds, format) = (parts.next()?, parts.next()?);
        let shown = date::format(seconds, format);
        let shown = shown.as_deref().or(label)?;
        let shown = html! { time title="UTC" { (decoded(shown)) } };
        return Some(match parts.next().and_then(href) {
            Some(href) => html! { a href=(href) target="_blank" rel="noopener noreferrer" { (shown) } },
            None => shown,
        });
    }
    if let Some(name @ ("channel" | "here" | "everyone")) = target.strip_prefix('!') {
        return Some(html! { span.mention.loud { "@" (name) } });
    }
    let href = href(target)?;
    let shown = label.filter(|label| !label.is_empty()).unwrap_or(target);
    Some(html! { a href=(href) target="_blank" rel="noopener noreferrer" { (decoded(shown)) } })
}

/// The address of a link, if its scheme can do no harm.
pub fn href(target: &str) -> Option<String> {
    let harmless = ["https://", "http://", "mailto:", "tel:"];
    harmless.iter().any(|scheme| target.starts_with(scheme)).then(|| decoded(target))
}

/// `:rocket:` at the start of `text`: its length.
fn shortcode(text: &str, html: &mut String) -> Option<usize> {
    let end = text.bytes().skip(1).take(40).position(|b| b == b':')?;
    let name = text.get(1..=end)?;
    html.push_str(&html! { span.emoji title=(format!(":{name}:")) { (emoji(name)?) } }.into_string());
    Some(end + 2)
}

/// Undoes Slack's escaping, once. The result is text, to be escaped for HTML.
pub fn decoded(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn push(html: &mut String, text: &str) {
    decoded(text).as_str().render_to(html);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str) -> String {
        let mut directory = Directory::default();
        directory.users.insert("U1".into(), "ada".into());
        directory.channels.insert("C1".into(), "deploys".into());
        mrkdwn(text, &directory).into_string()
    }

    #[test]
    fn styles_are_drawn_at_the_edges_of_words() {
        assert_eq!(drawn("*bold* _it_ ~no~"), "<b>bold</b> <i>it</i> <s>no</s>");
        assert_eq!(drawn("*a _b_ c*"), "<b>a <i>b</i> c</b>");
        assert_eq!(drawn("snake_case_name 2*3*4 * a *"), "snake_case_name 2*3*4 * a *");
        assert_eq!(drawn("*open"), "*open");
        assert_eq!(drawn("`*code* &lt;b&gt;`"), "<code>*code* &lt;b&gt;</code>");
        assert_eq!(drawn("_<https://x.test/a_b|a_b>_").matches("<i>").count(), 1);
    }

    #[test]
    fn lines_quotes_and_code_blocks() {
        assert_eq!(drawn("a\nb"), "a<br>b");
        assert_eq!(drawn("&gt; one\n&gt;two\nthree"), "<blockquote>one<br>two</blockquote>three");
        assert_eq!(drawn("see ```\nlet *x*;\n``` ok"), "see <pre>let *x*;</pre> ok");
        assert_eq!(drawn("``` never closed"), "``` never closed");
    }

    #[test]
    fn mentions_links_dates_and_emoji() {
        assert_eq!(drawn("<@U1>"), r#"<span class="mention">@ada</span>"#);
        assert_eq!(drawn("<@U9|bob>"), r#"<span class="mention">@bob</span>"#);
        assert_eq!(drawn("<#C1>"), r#"<span class="mention">#deploys</span>"#);
        assert_eq!(drawn("<!channel>"), r#"<span class="mention loud">@channel</span>"#);
        assert_eq!(
            drawn("<https://x.test/?a=1&amp;b=2|the &lt;build&gt;>"),
            r#"<a href="https://x.test/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">the &lt;build&gt;</a>"#
        );
        assert_eq!(drawn("<!date^1392734382^{date_num}|then>"), r#"<time title="UTC">2014-02-18</time>"#);
        assert_eq!(drawn("<!date^soon^{date}|then>"), r#"<time title="UTC">then</time>"#);
        assert_eq!(drawn(":ship: :nope: 10:30:00"), r#"<span class="emoji" title=":ship:">🚢</span> :nope: 10:30:00"#);
    }

    #[test]
    fn hostile_text_stays_text() {
        assert_eq!(drawn("<script>alert(1)</script>"), "&lt;script&gt;alert(1)&lt;/script&gt;");
        assert_eq!(drawn("<javascript:alert(1)|x>"), "&lt;javascript:alert(1)|x&gt;");
        assert_eq!(drawn("&lt;img src=x onerror=alert(1)&gt;"), "&lt;img src=x onerror=alert(1)&gt;");
        assert_eq!(drawn("&amp;lt;"), "&amp;lt;");
        let quote = drawn(r#"<https://x.test/"onmouseover="alert(1)|a>"#);
        assert!(quote.contains(r#"href="https://x.test/&quot;onmouseover=&quot;alert(1)""#), "{quote}");
        assert!(!drawn("*<b>*<@<script>>`</code><script>`").contains("<script"));
        assert!(!drawn("<!date^1392734382^<script>{date}|x>").contains("<script"));
        assert!(!plain(":<script>: <script>").into_string().contains("<script"));
    }

    #[test]
    fn a_text_made_to_be_slow_is_not() {
        let start = std::time::Instant::now();
        for hostile in ["*_~`", "<", "*a <", "*a ", ":", "_*", "```", "&gt;\n", "<@", "* *a*"] {
            drawn(&hostile.repeat(40_000 / hostile.len()));
        }
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }
}
