//! A commit as a provider's API describes it, for releases that no push told of.

use serde_json::Value;

use crate::{
    bitbucket,
    push::Source,
    release::Commit,
    text::{first_line, shorten},
    webhook::Member,
};

/// Reads a commit of an API's answer; `None` where there is none. As in a payload, a member that cannot be read is not there.
///
/// Sources: <https://docs.github.com/en/rest/commits/commits#get-a-commit>,
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commits/#api-repositories-workspace-repo-slug-commit-commit-get>,
/// <https://docs.gitlab.com/api/commits/#retrieve-a-commit>. CodeCommit's API is not asked.
pub fn read(source: Source, answer: &Value) -> Option<Commit> {
    let told = Member::of(answer);
    let (id, message, author, email, url, at) = match source {
        Source::GitHub => {
            let author = told.at("commit.author");
            let made = told.at("commit.committer.date");
            let (name, email) = (author.at("name").words(), author.at("email").mail());
            (told.at("sha"), told.at("commit.message"), name, email, told.at("html_url"), made)
        }
        Source::Bitbucket => {
            let author = told.at("author");
            let (name, email) = (bitbucket::author(author), bitbucket::mail(author.at("raw")));
            (told.at("hash"), told.at("message"), name, email, told.at("links.html.href"), told.at("date"))
        }
        Source::GitLab => {
            let (name, email) = (told.at("author_name").words(), told.at("author_email").mail());
            (told.at("id"), told.at("message"), name, email, told.at("web_url"), told.at("committed_date"))
        }
        Source::CodeCommit => return None,
    };
    Some(Commit {
        id: id.commit()?,
        message: shorten(first_line(&message.words()), 200),
        author: shorten(first_line(&author), 80),
        email,
        url: url.page(),
        at: at.time(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "0123456789012345678901234567890123456789";

    fn expected() -> Commit {
        Commit {
            message: "Say hello".into(),
            author: "Ada".into(),
            email: Some("ada@example.com".into()),
            url: Some("https://host.example/commit/0123456".into()),
            at: Some("2026-11-21T09:00:00Z".parse().expect("a time")),
            ..Commit::bare(ID)
        }
    }

    #[test]
    fn each_provider_tells_the_same_of_a_commit() {
        let message = "Say hello\n\nTo everybody.";
        let url = "https://host.example/commit/0123456";
        let github = json!({
            "sha": ID, "html_url": url,
            "commit": {
                "message": message, "author": { "name": "Ada", "email": "ada@example.com", "date": "2026-11-20T09:00:00Z" },
                "committer": { "name": "GitHub", "date": "2026-11-21T09:00:00Z" },
            },
        });
        let bitbucket = json!({
            "hash": ID, "message": message, "date": "2026-11-21T10:00:00+01:00", "links": { "html": { "href": url } },
            "author": { "raw": "A. Lovelace <ada@example.com>", "user": { "display_name": "Ada" } },
        });
        let gitlab = json!({
            "id": ID, "message": message, "author_name": "Ada", "author_email": "ada@example.com", "web_url": url,
            "committed_date": "2026-11-21T09:00:00.000+00:00",
        });
        for (source, answer) in [(Source::GitHub, github), (Source::Bitbucket, bitbucket), (Source::GitLab, gitlab)] {
            assert_eq!(read(source, &answer), Some(expected()), "{source}");
        }
    }

    #[test]
    fn an_answer_without_a_commits_id_is_no_commit() {
        for id in [json!("main"), json!("0000000000000000000000000000000000000000"), json!(7), json!(null)] {
            assert_eq!(read(Source::GitHub, &json!({ "sha": id })), None);
            assert_eq!(read(Source::CodeCommit, &json!({ "id": id })), None);
        }
        let hostile = json!({ "sha": ID, "html_url": "javascript:alert(1)", "commit": { "author": { "email": "<@U1>" }, "message": ["x"] } });
        assert_eq!(read(Source::GitHub, &hostile), Some(Commit::bare(ID)), "what is wrong is left out");
    }
}
