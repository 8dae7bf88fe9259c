//! Tokens, of which only the digest of their secret is kept.

mod entity;
mod migration;

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{ActiveValue::Set, DatabaseConnection, DbErr, EntityTrait, QueryOrder};
use sea_orm_migration::MigratorTrait;
use secrecy::{ExposeSecret, SecretString};

use self::migration::Migrator;
use crate::{
    auth::{Scope, SecretDigest},
    problem::Problem,
};

/// The tokens that were given out.
#[derive(Clone, Debug)]
pub(crate) struct TokenStore {
    database: DatabaseConnection,
}

/// A token as it is shown: without its secret.
pub(crate) struct Token {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) created_at: SystemTime,
}

const MIGRATION_ATTEMPTS: u32 = 10;

impl TokenStore {
    pub(crate) fn new(database: DatabaseConnection) -> Self {
        Self { database }
    }

    /// Makes the table where it is missing. Of two services that start at once, one may be refused
    /// because the other was there first: it looks again.
    pub(crate) async fn migrate(&self) -> Result<(), DbErr> {
        let mut attempt = 1;
        loop {
            match Migrator::up(&self.database, None).await {
                Err(_) if attempt < MIGRATION_ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(10) * attempt).await;
                }
                done => return done,
            }
            attempt += 1;
        }
    }

    /// A new token, and its text: `tst_<id>_<secret>`, shown this once.
    pub(crate) async fn create(
        &self,
        name: String,
        scopes: &[Scope],
    ) -> Result<(Token, SecretString), Problem> {
        let id = random::<8>()?
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        let secret = random_secret().map_err(|error| Problem::internal(&error))?;
        let text = SecretString::from(format!("tst_{id}_{}", secret.expose_secret()));
        let created_at = SystemTime::now();
        let row = entity::ActiveModel {
            id: Set(id.clone()),
            name: Set(name.clone()),
            scopes: Set(words(scopes).join(" ")),
            secret_sha256: Set(SecretDigest::of(&secret).as_bytes().to_vec()),
            created_at: Set(milliseconds(created_at)),
        };
        entity::Entity::insert(row)
            .exec_without_returning(&self.database)
            .await
            .map_err(unavailable)?;
        let token = Token {
            id,
            name,
            scopes: scopes.to_vec(),
            created_at,
        };
        Ok((token, text))
    }

    /// What the token may be used for, if it is one.
    pub(crate) async fn scopes_of(
        &self,
        token: &SecretString,
    ) -> Result<Option<Vec<Scope>>, Problem> {
        let Some((id, secret)) = token
            .expose_secret()
            .strip_prefix("tst_")
            .and_then(|rest| rest.split_once('_'))
        else {
            return Ok(None);
        };
        let row = entity::Entity::find_by_id(id.to_owned())
            .one(&self.database)
            .await
            .map_err(unavailable)?;
        let presented = SecretDigest::of(&SecretString::from(secret));
        Ok(row
            .filter(|row| {
                SecretDigest::from_bytes(&row.secret_sha256).is_some_and(|kept| kept.is(&presented))
            })
            .map(|row| scopes(&row.scopes)))
    }

    /// Every token, oldest first.
    pub(crate) async fn list(&self) -> Result<Vec<Token>, Problem> {
        let rows = entity::Entity::find()
            .order_by_asc(entity::Column::CreatedAt)
            .order_by_asc(entity::Column::Id)
            .all(&self.database)
            .await
            .map_err(unavailable)?;
        Ok(rows
            .into_iter()
            .map(|row| Token {
                scopes: scopes(&row.scopes),
                created_at: SystemTime::UNIX_EPOCH
                    + Duration::from_millis(row.created_at.unsigned_abs()),
                id: row.id,
                name: row.name,
            })
            .collect())
    }

    /// Whether there was such a token. From now on there is none.
    pub(crate) async fn delete(&self, id: &str) -> Result<bool, Problem> {
        let deleted = entity::Entity::delete_by_id(id.to_owned())
            .exec(&self.database)
            .await
            .map_err(unavailable)?;
        Ok(deleted.rows_affected > 0)
    }
}

/// 32 random bytes, in base64url.
pub(crate) fn random_secret() -> Result<SecretString, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(SecretString::from(URL_SAFE_NO_PAD.encode(bytes)))
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], Problem> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| Problem::internal(&error))?;
    Ok(bytes)
}

pub(crate) fn words(scopes: &[Scope]) -> Vec<&'static str> {
    scopes.iter().map(|scope| scope.as_str()).collect()
}

// A word that this release does not know gives no right.
fn scopes(words: &str) -> Vec<Scope> {
    words
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect()
}

fn milliseconds(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unavailable(error: DbErr) -> Problem {
    Problem::store_unavailable(&error)
}
