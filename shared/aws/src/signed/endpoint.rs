//! Where a service is.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

use super::Service;

/// The service's endpoint, as the SDK's clients find theirs: one set in code, `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, the
/// profile's, or the region's own. FIPS and dual-stack endpoints are not known here: set them by URL.
/// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.
pub(super) fn of(sdk: &SdkConfig, service: Service) -> String {
    let set = sdk.endpoint_url().map(str::to_owned);
    let set = if sdk.get_origin("endpoint_url").is_client_config() {
        set
    } else {
        let key = ServiceConfigKey::builder().service_id(service.id()).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let of_service = key.build().ok().and_then(|key| sdk.service_config()?.load_config(key));
        of_service.or(set)
    };
    set.unwrap_or_else(|| {
        let region = sdk.region().map_or("us-east-1", AsRef::as_ref);
        format!("https://{}.{region}.{}", service.host(), dns_suffix(region))
    })
}

/// The DNS suffix of a region's partition.
/// Source: `partitions.json` of the AWS SDKs, <https://github.com/aws/aws-sdk-go-v2/tree/main/internal/endpoints/awsrulesfn>.
fn dns_suffix(region: &str) -> &'static str {
    match region.split('-').next().unwrap_or_default() {
        "cn" => "amazonaws.com.cn",
        "eusc" => "amazonaws.eu",
        _ if region.starts_with("us-iso-") => "c2s.ic.gov",
        _ if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ if region.starts_with("us-isof-") => "csp.hci.ic.gov",
        _ if region.starts_with("eu-isoe-") => "cloud.adc-e.uk",
        _ => "amazonaws.com",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_own_dns_suffix() {
        for (region, suffix) in [
            ("eu-central-1", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
        ] {
            assert_eq!(dns_suffix(region), suffix, "{region}");
        }
    }
}
