//! Tokens, of which only the digest of their secret is kept.

mod entity;
mod migration;

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{ActiveValue::Set, DatabaseConnection, DbErr, EntityTrait, QueryOrder};
use sea_orm_migration::MigratorTrait;
use secrecy::{ExposeSecret, SecretString};

use self::migration::Migrator;
use crate::auth::{Scope, SecretDigest};

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

/// Why nothing is known of a token, or none was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error(transparent)]
    Database(#[from] DbErr),
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
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
    ) -> Result<(Token, SecretString), TokenError> {
        let id = format!("{:016x}", getrandom::u64()?);
        let secret = random_secret()?;
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
            .await?;
        let token = Token {
            id,
            name,
            scopes: scopes.to_vec(),
            created_at,
        };
        Ok((token, text))
    }

    /// The token with that text.
    pub(crate) async fn of_text(&self, text: &SecretString) -> Result<Option<Token>, TokenError> {
        let Some((id, secret)) = text
            .expose_secret()
            .strip_prefix("tst_")
            .and_then(|rest| rest.split_once('_'))
        else {
            return Ok(None);
        };
        let presented = SecretDigest::of(&SecretString::from(secret));
        let row = self.row(id).await?.filter(|row| {
            SecretDigest::from_bytes(&row.secret_sha256).is_some_and(|kept| kept.is(&presented))
        });
        Ok(row.map(Token::from))
    }

    /// The token of that id. Whoever knows it need not have the token.
    pub(crate) async fn of_id(&self, id: &str) -> Result<Option<Token>, TokenError> {
        Ok(self.row(id).await?.map(Token::from))
    }

    /// Every token, oldest first.
    pub(crate) async fn list(&self) -> Result<Vec<Token>, TokenError> {
        let rows = entity::Entity::find()
            .order_by_asc(entity::Column::CreatedAt)
            .order_by_asc(entity::Column::Id)
            .all(&self.database)
            .await?;
        Ok(rows.into_iter().map(Token::from).collect())
    }

    /// Whether there was such a token. From now on there is none.
    pub(crate) async fn delete(&self, id: &str) -> Result<bool, TokenError> {
        if !is_id(id) {
            return Ok(false);
        }
        let deleted = entity::Entity::delete_by_id(id.to_owned())
            .exec(&self.database)
            .await?;
        Ok(deleted.rows_affected > 0)
    }

    async fn row(&self, id: &str) -> Result<Option<entity::Model>, TokenError> {
        if !is_id(id) {
            return Ok(None);
        }
        Ok(entity::Entity::find_by_id(id.to_owned())
            .one(&self.database)
            .await?)
    }
}

impl From<entity::Model> for Token {
    fn from(row: entity::Model) -> Self {
        Self {
            scopes: scopes(&row.scopes),
            created_at: SystemTime::UNIX_EPOCH
                + Duration::from_millis(row.created_at.unsigned_abs()),
            id: row.id,
            name: row.name,
        }
    }
}

// Databases differ in what they make of other texts: PostgreSQL takes no NUL, MySQL folds letters.
fn is_id(text: &str) -> bool {
    text.len() == 16
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// 32 random bytes, in base64url.
pub(crate) fn random_secret() -> Result<SecretString, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(SecretString::from(URL_SAFE_NO_PAD.encode(bytes)))
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
