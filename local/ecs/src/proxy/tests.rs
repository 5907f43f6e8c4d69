use super::*;

fn text(request: &[u8]) -> String {
    let head = request.windows(4).position(|window| window == b"\r\n\r\n");
    String::from_utf8(single(request.to_vec(), head)).expect("text")
}

#[test]
fn a_request_closes_its_connection() {
    let request = text(b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\nbody");
    assert_eq!(request, "POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nbody");
}

#[test]
fn an_upgrade_and_other_protocols_pass_unchanged() {
    let upgrade = "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(text(upgrade.as_bytes()), upgrade);
    assert_eq!(text(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(!is_http(b"\x16\x03\x01"));
}

#[tokio::test]
async fn a_drained_target_waits_for_its_requests() {
    let proxy = Proxy::start().await.expect("a port");
    let address = "127.0.0.1:9".parse().expect("an address");
    assert!(proxy.set("a", "one", address, true));
    assert!(!proxy.set("a", "one", address, true));
    let place = proxy.place(&[]).expect("a target");
    let other = Arc::clone(&proxy);
    let draining = tokio::spawn(async move { other.drain("a", Duration::from_secs(30)).await });
    tokio::task::yield_now().await;
    assert!(!draining.is_finished());
    assert!(proxy.place(&[]).is_none());
    drop(place);
    draining.await.expect("drained");
}

#[tokio::test]
async fn requests_are_divided_by_weight_and_nothing_goes_where_there_is_none() {
    let proxy = Proxy::start().await.expect("a port");
    let address = "127.0.0.1:9".parse().expect("an address");
    for (task, deployment) in [("a", "blue"), ("b", "blue"), ("c", "green")] {
        proxy.set(task, deployment, address, true);
    }
    let weigh = |blue, green| proxy.weigh(Some(vec![("blue".into(), blue), ("green".into(), green)]));
    let greens = |proxy: &Proxy| (0..100).filter(|_| proxy.place(&[]).expect("a place").0.task == "c").count();
    weigh(1000, 0);
    assert_eq!(greens(&proxy), 0);
    weigh(900, 100);
    assert_eq!(greens(&proxy), 10);
    weigh(0, 1000);
    assert_eq!(greens(&proxy), 100);
    let passed = ["c".to_owned()];
    assert!(proxy.place(&passed).is_none(), "blue has no traffic, though it serves");
    weigh(900, 100);
    assert_ne!(proxy.place(&passed).expect("a place").0.task, "c", "who cannot be reached leaves it to the others");
    let beside = proxy.beside().await.expect("a port");
    beside.weigh(Some(vec![("green".into(), 1000)]));
    assert_eq!(greens(&beside), 100, "the same targets, other weights");
    proxy.weigh(None);
    assert!((33..=34).contains(&greens(&proxy)));
}
