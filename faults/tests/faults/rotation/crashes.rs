use super::model::Grace;
use super::promises::assert_all;
use super::runs;

#[actix_web::test]
#[ignore = "long: 200 kills without a grace period take minutes"]
async fn two_hundred_kills_without_a_grace_break_no_promise() {
    let run = runs::crash(Grace::None, 200).await;
    run.print();
    assert_all(&run);
}

#[actix_web::test]
#[ignore = "long: 150 kills with an endless grace period take minutes"]
async fn a_hundred_and_fifty_kills_with_an_endless_grace_break_no_promise() {
    let run = runs::crash(Grace::Endless, 150).await;
    run.print();
    assert_all(&run);
}
