use serde_json::json;

use crate::{
    MigrationError,
    cli::{
        arguments::Shared,
        console::Console,
        failure::{Failure, Verdict},
        settings::Settings,
        shared::{SharedMigrations, State},
        table::{number_of, table},
    },
};

/// `shared ..`
pub(in crate::cli) async fn shared(
    migrations: Option<&dyn SharedMigrations>,
    settings: &Settings,
    console: &Console,
    command: Shared,
) -> Result<Verdict, Failure> {
    let Some(migrations) = migrations else {
        return Err(Failure::refused(
            "this program has no migrations of shared tables: it is built without `Cli::shared`",
        ));
    };
    let db = settings.shared().await?;
    let before = migrations.state(&db).await.map_err(MigrationError::from)?;
    match command {
        Shared::Status { check } => {
            console.result(&before, || text(&before));
            return Ok(Verdict::well_if(!check || before.pending.is_empty()));
        }
        Shared::Up { steps } => migrations.up(&db, steps).await,
        Shared::Down { steps } => {
            let steps_ = usize::try_from(steps).unwrap_or(usize::MAX);
            let question = format!(
                "Take back {} of the shared tables?",
                number_of(steps_, "migration")
            );
            console.confirm(&question)?;
            migrations.down(&db, steps).await
        }
    }
    .map_err(MigrationError::from)?;
    let after = migrations.state(&db).await.map_err(MigrationError::from)?;
    let of = |some: &[String], others: &[String]| -> Vec<String> {
        let some = some.iter().filter(|name| !others.contains(name));
        some.cloned().collect()
    };
    let applied = of(&after.applied, &before.applied);
    let taken_back = of(&before.applied, &after.applied);
    let document = json!({
        "applied": applied,
        "taken_back": taken_back,
        "pending": after.pending,
    });
    console.result(&document, || {
        let lines = applied.iter().map(|name| format!("applied {name}"));
        let back = taken_back.iter().map(|name| format!("took back {name}"));
        let lines: Vec<_> = lines.chain(back).collect();
        match lines.is_empty() {
            true => "there was nothing to do".to_owned(),
            false => lines.join("\n"),
        }
    });
    Ok(Verdict::Well)
}

fn text(state: &State) -> String {
    let row = |name: &String, status: &str| [name.clone(), status.to_owned()];
    let applied = state.applied.iter().map(|name| row(name, "applied"));
    let pending = state.pending.iter().map(|name| row(name, "pending"));
    table(["MIGRATION", "STATUS"], applied.chain(pending), true)
}
