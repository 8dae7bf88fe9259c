//! A password that is planted at the service is in nothing that the client tells.

use sea_orm_tenant::CachedStore;

use super::{ACME, ADMIN, PASSWORD, Rig, proxy::Fault};
use crate::isolation::capture::Capture;

#[tokio::test]
async fn nothing_tells_the_password_of_a_tenant_or_the_token() {
    let (capture, _guard) = Capture::start();
    let rig = Rig::start().await;
    let client = rig.client();
    let mut told = vec![format!("{client:?}")];
    let client = client.max_attempts(2).build().unwrap();
    let cache = CachedStore::new(client.clone());
    let placed = client.get_tenant_connection_info(&ACME).await.unwrap();
    assert!(placed.url().expose().contains(PASSWORD));
    told.push(format!("{client:?} {cache:?} {placed:?}"));
    for fault in [
        Fault::Truncate(60),
        Fault::Truncate(180),
        Fault::Reset,
        Fault::Answer(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 35\r\n\r\n{\"tenant\":\"acme\",\"schema\":\"hunter2\"",
        ),
    ] {
        rig.proxy.set(fault);
        let error = client.get_tenant_connection_info(&ACME).await.unwrap_err();
        told.push(format!("{error} {error:?}"));
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            told.push(error.to_string());
            cause = error.source();
        }
    }
    let wrong = rig.client().token("a-token-that-is-hunter2").build();
    rig.proxy.set(Fault::None);
    let wrong = wrong.unwrap().get_tenant_info(&ACME).await.unwrap_err();
    told.push(format!("{wrong} {wrong:?}"));
    told.push(format!("{:?}", capture.told()));
    for text in told {
        for secret in [PASSWORD, ADMIN] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}
