//! Target groups.

use longshore_deploy::aws::balancers::Balancers;

use crate::{
    done, refused,
    script::{Script, said},
};

const GROUP: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/73e2d6bc24d8a067";

#[tokio::test]
async fn unhealthy_targets_say_why() {
    let xml = "<DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
        <DescribeTargetHealthResult><TargetHealthDescriptions>\
        <member><HealthCheckPort>8080</HealthCheckPort><TargetHealth><State>unhealthy</State>\
        <Reason>Target.ResponseCodeMismatch</Reason><Description>Health checks failed with these codes: [500]</Description>\
        </TargetHealth><Target><Port>8080</Port><Id>10.0.0.1</Id></Target></member>\
        <member><TargetHealth><State>healthy</State></TargetHealth><Target><Id>10.0.0.2</Id><Port>8080</Port></Target></member>\
        <member><TargetHealth><State>draining</State><Reason>Target.DeregistrationInProgress</Reason></TargetHealth>\
        <Target><Id>arn:aws:lambda:x</Id></Target></member>\
        </TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>";
    let script = Script::new([said(200, xml)]);
    let health = done(Balancers::new(&script.sdk()).health(GROUP).await);
    let lines: Vec<_> = health.iter().map(|target| (target.is_healthy(), target.to_string())).collect();
    assert_eq!(
        lines,
        [
            (false, "10.0.0.1:8080 unhealthy: Health checks failed with these codes: [500]".to_owned()),
            (true, "10.0.0.2:8080 healthy".to_owned()),
            (false, "arn:aws:lambda:x draining: Target.DeregistrationInProgress".to_owned()),
        ]
    );
    let [asked] = &script.asked()[..] else { panic!("one call") };
    assert_eq!(asked.url, "https://elasticloadbalancing.eu-central-1.amazonaws.com/");
    assert_eq!(
        asked.body,
        "Action=DescribeTargetHealth&Version=2015-12-01&TargetGroupArn=arn%3Aaws%3Aelasticloadbalancing%3Aeu-central-1\
         %3A123456789012%3Atargetgroup%2Fweb%2F73e2d6bc24d8a067"
    );
}

#[tokio::test]
async fn a_target_group_that_is_gone_is_a_refusal() {
    let xml =
        "<ErrorResponse><Error><Code>TargetGroupNotFound</Code><Message>not found</Message></Error></ErrorResponse>";
    let why = refused(Balancers::new(&Script::new([said(400, xml)]).sdk()).health(GROUP).await);
    assert_eq!(why, "the target group's health could not be read: TargetGroupNotFound: not found");
    let hostile = Balancers::new(&Script::new([said(200, "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>")]).sdk());
    assert!(hostile.health(GROUP).await.is_err(), "no entities are read");
}
