//! Bad input as a table: every row is tried on every operation of both servers that it applies to. The operations are read
//! from the servers' own documents, so that none is missed.

mod access_cookies;
mod bodies;
mod broken_http;
mod heads;
mod raw;
mod tokens;
mod world;

use crate::document::Document;
use world::{Server, Target, World};

#[actix_web::test]
async fn bad_input_to_the_auth_server_is_rejected_as_documented_and_changes_no_session() {
    try_every_cell(Server::Auth).await;
}

#[actix_web::test]
async fn bad_input_to_the_resource_server_is_rejected_as_documented_and_changes_no_session() {
    try_every_cell(Server::Api).await;
}

#[actix_web::test]
async fn every_operation_has_a_row_and_every_row_has_an_operation() {
    world::assert_every_row_has_an_operation(&World::start().await).await;
}

async fn try_every_cell(server: Server) {
    let mut world = World::start().await;
    let document = Document::of(world.server(server)).await;
    let mut tried = 0;
    for operation in document.operations() {
        world.log_in().await;
        let target = Target::new(&world, server, &operation);
        let mut cells = heads::cells(&target);
        cells.extend(tokens::cells(&target));
        cells.extend(access_cookies::cells(&target));
        cells.extend(bodies::cells(&target));
        assert!(cells.len() >= 10, "only a few cells for {}", operation.name());
        for cell in cells {
            // Printed if the test fails.
            eprintln!("{}: {}", operation.name(), cell.row);
            cell.expected.check(&operation, cell.call.send().await);
            world.assert_session_unharmed();
            tried += 1;
        }
        heads::check_methods(&target, &document).await;
        world.assert_session_unharmed();
        world.assert_session_goes_on().await;
    }
    println!("{tried} cells");
}
