//! Versions of an application that need no build: images that a test makes of what services run before their first release, and that a
//! build only reports.

use crate::Local;

/// How a version works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Works {
    /// It serves.
    Well,
    /// It runs, and answers nobody.
    NotAtAll,
}

impl Local {
    /// The command of a buildspec that reports the image whose tag is the branch's name.
    pub const REPORT_BRANCH: &str = r#"curl --silent --show-error --fail-with-body \
        --header "Authorization: Bearer $LONGSHORE_TOKEN" --header "Content-Type: application/json" \
        --data "{\"image\":\"${LONGSHORE_IMAGE%:*}:$LONGSHORE_BRANCH\"}" "$LONGSHORE_URL/builds/image""#;

    /// Makes a version and pushes its image under this tag; its variable `VERSION` is the tag.
    ///
    /// # Panics
    ///
    /// When the container engine refuses.
    pub async fn version(&self, repository: &str, tag: &str, works: Works) {
        let archive = self.directory.join("stack/placeholder.tar");
        let image = format!("{}/{repository}:{tag}", self.stack.registry);
        let command = match works {
            Works::Well => r#"CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]"#,
            Works::NotAtAll => r#"CMD ["/bin/busybox", "sh", "-c", "echo nobody is at home; exec sleep 1000"]"#,
        };
        let (path, version) = ("ENV PATH=/bin", format!("ENV VERSION={tag}"));
        let archive = archive.to_str().expect("a path in UTF-8");
        // Of two images that are all alike, made at once by two tests, the engine may forget one's name.
        let whose = format!("ENV REGISTRY={}", self.stack.registry);
        let changes = [command, path, &version, &whose].into_iter().flat_map(|change| ["--change", change]);
        let import: Vec<&str> = ["import"].into_iter().chain(changes).chain([archive, &image]).collect();
        self.stack.engine.output(&import).await.expect("an image");
        self.stack.engine.output(&["push", &image]).await.expect("a push");
    }
}
