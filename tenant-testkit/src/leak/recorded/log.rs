//! The servers' log files.

use super::Recorded;

/// `[123/test1] LOG:  execute sqlx_s_1: SELECT ..`, lines that go on beginning with a tab.
pub(super) fn of_postgres(text: &str, database: &str) -> Vec<Recorded> {
    let mut recorded: Vec<Recorded> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        if let Some(more) = line.strip_prefix('\t') {
            if let Some(last) = recorded.last_mut().filter(|_| goes_on) {
                last.sql.push('\n');
                last.sql.push_str(more);
            }
            continue;
        }
        let statement = in_postgres_line(line, database);
        goes_on = statement.is_some();
        recorded.extend(statement);
    }
    recorded
}

fn in_postgres_line(line: &str, database: &str) -> Option<Recorded> {
    let (session, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let (pid, of) = session.split_once('/')?;
    if of != database {
        return None;
    }
    let sql = if let Some(logged) = rest.strip_prefix("LOG:  ") {
        match logged.strip_prefix("statement: ") {
            Some(sql) => sql,
            // Of a statement with a name: "execute sqlx_s_1: ", "execute <unnamed>: ".
            None => logged.strip_prefix("execute ")?.split_once(": ")?.1,
        }
    } else {
        // One that was refused before it could be executed.
        rest.strip_prefix("STATEMENT:  ")?
    };
    Some(Recorded {
        session: pid.to_owned(),
        sql: sql.to_owned(),
    })
}

/// `251126 20:00:00<tab>  5 Query<tab>SELECT ..`, the time only where it is another; a statement goes
/// on in lines that look like nothing.
pub(super) fn of_mariadb(text: &str, database: &str, sessions: &mut Vec<String>) -> Vec<Recorded> {
    let mut recorded: Vec<Recorded> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let Some((session, command, argument)) = in_mariadb_line(line) else {
            if let Some(last) = recorded.last_mut().filter(|_| goes_on) {
                last.sql.push('\n');
                last.sql.push_str(line);
            }
            continue;
        };
        if command == "Connect" && argument.contains(&format!(" on {database} ")) {
            sessions.push(session.to_owned());
        }
        let is_statement = matches!(command, "Query" | "Prepare" | "Execute");
        goes_on = is_statement && sessions.iter().any(|known| known == session);
        if goes_on {
            recorded.push(Recorded {
                session: session.to_owned(),
                sql: argument.to_owned(),
            });
        }
    }
    recorded
}

fn in_mariadb_line(line: &str) -> Option<(&str, &str, &str)> {
    let (_time, rest) = line.split_once('\t')?;
    let rest = rest.trim_start();
    let (session, rest) = rest.split_once(' ')?;
    let (command, argument) = rest.split_once('\t')?;
    let is_session = !session.is_empty() && session.bytes().all(|byte| byte.is_ascii_digit());
    is_session.then_some((session, command, argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(session: &str, sql: &str) -> Recorded {
        Recorded {
            session: session.to_owned(),
            sql: sql.to_owned(),
        }
    }

    #[test]
    fn postgres_says_which_session_sent_what() {
        let text = "[7/t1] LOG:  statement: BEGIN\n\
                    [8/other] LOG:  statement: SELECT 1\n\
                    [7/t1] LOG:  execute sqlx_s_1: SELECT a\n\t  FROM b\n\
                    [7/t1] DETAIL:  parameters: $1 = 'x\n\ty'\n\
                    [9/t1] ERROR:  relation \"c\" does not exist at character 15\n\
                    [9/t1] STATEMENT:  SELECT * FROM c\n\
                    [/] LOG:  checkpoint starting: time\n";
        assert_eq!(
            of_postgres(text, "t1"),
            [
                recorded("7", "BEGIN"),
                recorded("7", "SELECT a\n  FROM b"),
                recorded("9", "SELECT * FROM c"),
            ]
        );
    }

    #[test]
    fn mariadb_says_which_database_a_session_is_in_only_once() {
        let mut sessions = Vec::new();
        let text = "251126 20:15:13\t    31 Connect\ttest@127.0.0.1 on t1 using TCP/IP\n\
                    \t\t    32 Connect\ttest@127.0.0.1 on t10 using TCP/IP\n\
                    \t\t    31 Prepare\tSELECT a\nFROM b\n\
                    \t\t    32 Query\tSELECT other\n\
                    \t\t    31 Close stmt\t\n";
        let first = of_mariadb(text, "t1", &mut sessions);
        assert_eq!(first, [recorded("31", "SELECT a\nFROM b")]);
        let later = "251126 20:15:14\t    31 Query\tCOMMIT\n\t\t    31 Quit\t\n";
        let second = of_mariadb(later, "t1", &mut sessions);
        assert_eq!(second, [recorded("31", "COMMIT")]);
    }
}
