use super::{LookAlike, Plant};

/// The expected lines are those of MariaDB, which shows types and defaults in its own way.
pub(super) const RICH_SCHEMA: &[&str] = &[
    "CREATE TABLE author (
        id int AUTO_INCREMENT PRIMARY KEY,
        name varchar(100) COLLATE utf8mb4_bin NOT NULL,
        mentor_id int,
        UNIQUE KEY author_name (name),
        CONSTRAINT author_mentor FOREIGN KEY (mentor_id) REFERENCES author (id)
    )",
    "CREATE TABLE book (
        id bigint AUTO_INCREMENT PRIMARY KEY,
        title varchar(100) NOT NULL,
        subtitle text,
        pages int NOT NULL DEFAULT 0,
        price decimal(10, 2),
        priced decimal(12, 2) GENERATED ALWAYS AS (price * 2) STORED,
        code varchar(20),
        author_id int NOT NULL,
        genre_id int,
        mood enum('glad', 'sad') DEFAULT 'glad',
        changed timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
        KEY book_title (title),
        KEY book_prefix (subtitle(10)),
        KEY book_pages_title (pages, title),
        UNIQUE KEY book_code (code),
        FULLTEXT KEY book_words (title),
        CONSTRAINT book_author FOREIGN KEY (author_id) REFERENCES {schema}.author (id) ON DELETE CASCADE,
        CONSTRAINT book_genre FOREIGN KEY (genre_id) REFERENCES {shared}.genre (id),
        CONSTRAINT book_pages CHECK (pages >= 0)
    )",
    "CREATE TABLE tag (id int AUTO_INCREMENT PRIMARY KEY, word varchar(50), motto varchar(100))",
    "CREATE TABLE book_tag (
        book_id bigint,
        tag_id int,
        PRIMARY KEY (book_id, tag_id),
        CONSTRAINT book_tag_book FOREIGN KEY (book_id) REFERENCES book (id) ON UPDATE CASCADE,
        CONSTRAINT book_tag_tag FOREIGN KEY (tag_id) REFERENCES tag (id)
    )",
    "CREATE TABLE review (
        id int NOT NULL,
        book_id bigint NOT NULL,
        text text,
        stars smallint DEFAULT 3,
        PRIMARY KEY (id),
        CONSTRAINT review_book FOREIGN KEY (book_id) REFERENCES book (id),
        CONSTRAINT review_stars CHECK (stars < 6)
    )",
    "CREATE TABLE loan (id int NOT NULL, day int NOT NULL) PARTITION BY RANGE (day) (
        PARTITION old VALUES LESS THAN (2020),
        PARTITION new VALUES LESS THAN (2030)
    )",
    "CREATE TABLE draft (id int, note varchar(100), size int AS (length(note)) VIRTUAL) ENGINE = MyISAM",
    "CREATE TABLE audit (id int AUTO_INCREMENT PRIMARY KEY, what varchar(100), at datetime DEFAULT now())",
    "CREATE TABLE spare (
        id int AUTO_INCREMENT PRIMARY KEY,
        tag_id int,
        word varchar(50) UNIQUE,
        CONSTRAINT spare_tag FOREIGN KEY (tag_id) REFERENCES tag (id),
        CONSTRAINT spare_word CHECK (word <> '')
    )",
    "CREATE VIEW listed AS SELECT b.id, b.title, a.name FROM book b JOIN {schema}.author a ON a.id = b.author_id",
    "CREATE VIEW labelled AS SELECT book.id, genre.label FROM book JOIN {shared}.genre ON genre.id = book.genre_id",
    "CREATE VIEW plain AS SELECT id, word FROM tag",
    "CREATE FUNCTION shout(what varchar(50)) RETURNS varchar(50) DETERMINISTIC RETURN upper(what)",
    "CREATE FUNCTION books() RETURNS int READS SQL DATA RETURN (SELECT count(*) FROM {schema}.book)",
    "CREATE PROCEDURE tidy(IN days int, OUT gone int) BEGIN DELETE FROM {schema}.draft; SET gone = days; END",
    "CREATE PROCEDURE sweep() DELETE FROM draft",
    "CREATE TRIGGER book_touch AFTER INSERT ON book FOR EACH ROW INSERT INTO {schema}.audit (what) VALUES ('it''s')",
    "CREATE TRIGGER tag_touch BEFORE UPDATE ON tag FOR EACH ROW INSERT INTO audit (what) VALUES ('tag')",
    "CREATE TRIGGER author_touch BEFORE UPDATE ON author FOR EACH ROW INSERT INTO audit (what) VALUES ('author')",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM {schema}.draft",
    "CREATE EVENT hourly ON SCHEDULE EVERY 1 HOUR DO CALL tidy(1, @gone)",
];

pub(super) const PLANTS: &[Plant] = &[
    (
        "ALTER TABLE author ADD COLUMN born date",
        &["table author: column born is not in the reference"],
    ),
    (
        "ALTER TABLE review DROP COLUMN text",
        &["table review: column text is missing"],
    ),
    (
        "ALTER TABLE tag RENAME COLUMN motto TO slogan",
        &[
            "table tag: column motto is missing",
            "table tag: column slogan is not in the reference",
        ],
    ),
    (
        "ALTER TABLE tag MODIFY word varchar(60)",
        &["table tag: column word is varchar(60), and varchar(50) in the reference"],
    ),
    (
        "ALTER TABLE draft MODIFY id int NOT NULL",
        &["table draft: column id is not null, and nullable in the reference"],
    ),
    (
        "ALTER TABLE review ALTER COLUMN stars SET DEFAULT 4",
        &["table review: column stars has default 4, and 3 in the reference"],
    ),
    (
        "ALTER TABLE book ALTER COLUMN pages DROP DEFAULT",
        &["table book: column pages has no default, and 0 in the reference"],
    ),
    (
        "ALTER TABLE book ALTER COLUMN code SET DEFAULT 'none'",
        &["table book: column code has default 'none', and none in the reference"],
    ),
    (
        "ALTER TABLE book MODIFY mood enum('glad', 'meh', 'sad') DEFAULT 'glad'",
        &[
            "table book: column mood is enum('glad','meh','sad'), and enum('glad','sad') in the reference",
        ],
    ),
    (
        "ALTER TABLE book MODIFY changed timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP",
        &[
            "table book: column changed has no extra, and on update current_timestamp() in the reference",
        ],
    ),
    (
        "ALTER TABLE draft MODIFY size int AS (length(note) + 1) VIRTUAL",
        &[
            "table draft: column size has generated expression (octet_length(`note`) + 1) virtual, and (octet_length(`note`)) virtual in the reference",
        ],
    ),
    (
        "ALTER TABLE review MODIFY id int NOT NULL AUTO_INCREMENT",
        &["table review: column id has extra auto_increment, and none in the reference"],
    ),
    (
        "ALTER TABLE author MODIFY name varchar(100) COLLATE utf8mb4_general_ci NOT NULL",
        &[
            "table author: column name has collation utf8mb4_general_ci, and utf8mb4_bin in the reference",
        ],
    ),
    (
        "ALTER TABLE book DROP FOREIGN KEY book_author, DROP KEY book_author",
        &["table book: constraint book_author is missing"],
    ),
    (
        "ALTER TABLE book DROP FOREIGN KEY book_genre",
        &["table book: constraint book_genre is missing"],
    ),
    (
        "ALTER TABLE book_tag DROP FOREIGN KEY book_tag_tag; ALTER TABLE book_tag ADD CONSTRAINT book_tag_tag FOREIGN KEY (tag_id) REFERENCES tag (id) ON DELETE CASCADE",
        &[
            "table book_tag: constraint book_tag_tag has on delete cascade, and restrict in the reference",
        ],
    ),
    (
        "ALTER TABLE book_tag DROP FOREIGN KEY book_tag_book; ALTER TABLE book_tag ADD CONSTRAINT book_tag_book FOREIGN KEY (book_id) REFERENCES book (id)",
        &[
            "table book_tag: constraint book_tag_book has on update restrict, and cascade in the reference",
        ],
    ),
    (
        "ALTER TABLE author DROP FOREIGN KEY author_mentor; ALTER TABLE author ADD CONSTRAINT author_mentor FOREIGN KEY (mentor_id) REFERENCES tag (id)",
        &[
            "table author: constraint author_mentor has references $tenant.tag, and $tenant.author in the reference",
        ],
    ),
    (
        "ALTER TABLE book DROP CONSTRAINT book_pages; ALTER TABLE book ADD CONSTRAINT book_pages CHECK (pages > 0)",
        &[
            "table book: constraint book_pages has check `pages` > 0, and `pages` >= 0 in the reference",
        ],
    ),
    (
        "ALTER TABLE review DROP CONSTRAINT review_stars",
        &["table review: constraint review_stars is missing"],
    ),
    (
        "ALTER TABLE tag ADD CONSTRAINT tag_word CHECK (word <> '')",
        &["table tag: constraint tag_word is not in the reference"],
    ),
    (
        "ALTER TABLE loan ADD PRIMARY KEY (id, day)",
        &["table loan: constraint PRIMARY is not in the reference"],
    ),
    (
        "ALTER TABLE book DROP KEY book_title",
        &["table book: index book_title is missing"],
    ),
    (
        "CREATE INDEX tag_slogan ON tag (slogan)",
        &["table tag: index tag_slogan is not in the reference"],
    ),
    (
        "ALTER TABLE book DROP KEY book_prefix, ADD KEY book_prefix (subtitle(20))",
        &[
            "table book: index book_prefix has columns subtitle(20), and subtitle(10) in the reference",
        ],
    ),
    (
        "ALTER TABLE book DROP KEY book_pages_title, ADD KEY book_pages_title (title, pages)",
        &[
            "table book: index book_pages_title has columns title, pages, and pages, title in the reference",
        ],
    ),
    (
        "ALTER TABLE book DROP KEY book_code, ADD KEY book_code (code)",
        &["table book: index book_code is not unique, and unique in the reference"],
    ),
    (
        "ALTER TABLE book DROP KEY book_words, ADD KEY book_words (title)",
        &["table book: index book_words has method btree, and fulltext in the reference"],
    ),
    (
        "ALTER TABLE author ALTER INDEX author_name IGNORED",
        &["table author: index author_name is ignored, and visible in the reference"],
    ),
    (
        "ALTER TABLE draft ENGINE = InnoDB",
        &["table draft has engine InnoDB, and MyISAM in the reference"],
    ),
    (
        "ALTER TABLE audit DEFAULT COLLATE latin1_swedish_ci",
        &["table audit has collation latin1_swedish_ci, and utf8mb4_general_ci in the reference"],
    ),
    (
        "ALTER TABLE audit ROW_FORMAT = COMPACT",
        &["table audit has options row_format=COMPACT, and none in the reference"],
    ),
    (
        "ALTER TABLE loan ADD PARTITION (PARTITION newest VALUES LESS THAN MAXVALUE)",
        &["table loan: partition newest is not in the reference"],
    ),
    (
        "CREATE OR REPLACE VIEW plain AS SELECT id, word FROM tag WHERE id > 0",
        &[
            "view plain has definition select $tenant.`tag`.`id` AS `id`,$tenant.`tag`.`word` AS `word` from $tenant.`tag` where $tenant.`tag`.`id` > 0, and select $tenant.`tag`.`id` AS `id`,$tenant.`tag`.`word` AS `word` from $tenant.`tag` in the reference",
        ],
    ),
    (
        "CREATE OR REPLACE SQL SECURITY INVOKER VIEW listed AS SELECT b.id, b.title, a.name FROM book b JOIN author a ON a.id = b.author_id",
        &["view listed has security invoker, and definer in the reference"],
    ),
    ("DROP VIEW labelled", &["view labelled is missing"]),
    (
        "CREATE VIEW words AS SELECT word FROM tag",
        &["view words is not in the reference"],
    ),
    (
        "DROP FUNCTION shout; CREATE FUNCTION shout(what varchar(50)) RETURNS varchar(50) DETERMINISTIC RETURN lower(what)",
        &["function shout has body RETURN lower(what), and RETURN upper(what) in the reference"],
    ),
    (
        "DROP FUNCTION shout; CREATE FUNCTION shout(what varchar(50)) RETURNS varchar(50) NOT DETERMINISTIC RETURN lower(what)",
        &["function shout has deterministic no, and yes in the reference"],
    ),
    (
        "DROP FUNCTION shout; CREATE FUNCTION shout(what varchar(50)) RETURNS varchar(60) NOT DETERMINISTIC RETURN lower(what)",
        &["function shout has result varchar(60), and varchar(50) in the reference"],
    ),
    ("DROP FUNCTION books", &["function books is missing"]),
    (
        "ALTER PROCEDURE sweep SQL SECURITY INVOKER",
        &["procedure sweep has security invoker, and definer in the reference"],
    ),
    (
        "DROP PROCEDURE tidy; CREATE PROCEDURE tidy(IN days bigint, OUT gone int) BEGIN DELETE FROM {schema}.draft; SET gone = days; END",
        &[
            "procedure tidy has arguments in days bigint(20), out gone int(11), and in days int(11), out gone int(11) in the reference",
        ],
    ),
    (
        "CREATE FUNCTION sweep() RETURNS int RETURN 1",
        &["function sweep is not in the reference"],
    ),
    (
        "DROP TRIGGER tag_touch",
        &["table tag: trigger tag_touch is missing"],
    ),
    (
        "DROP TRIGGER author_touch; CREATE TRIGGER author_touch AFTER UPDATE ON author FOR EACH ROW INSERT INTO audit (what) VALUES ('author')",
        &["table author: trigger author_touch has timing after, and before in the reference"],
    ),
    (
        "DROP TRIGGER book_touch; CREATE TRIGGER book_touch AFTER INSERT ON book FOR EACH ROW INSERT INTO {schema}.audit (what) VALUES ('is')",
        &[
            "table book: trigger book_touch has body INSERT INTO $tenant.audit (what) VALUES ('is'), and INSERT INTO $tenant.audit (what) VALUES ('it''s') in the reference",
        ],
    ),
    (
        "ALTER EVENT nightly DISABLE",
        &["event nightly is disabled, and enabled in the reference"],
    ),
    (
        "ALTER EVENT nightly ON SCHEDULE EVERY 2 DAY",
        &["event nightly has schedule recurring 2 day, and recurring 1 day in the reference"],
    ),
    ("DROP EVENT hourly", &["event hourly is missing"]),
    (
        "CREATE TABLE extra (id int AUTO_INCREMENT PRIMARY KEY, tag_id int, word varchar(50) UNIQUE CHECK (word <> ''), FOREIGN KEY (tag_id) REFERENCES tag (id))",
        &["table extra is not in the reference"],
    ),
    ("DROP TABLE spare", &["table spare is missing"]),
];

pub(super) const LOOK_ALIKE: LookAlike = LookAlike {
    alike: &[
        "CREATE TABLE book (id int PRIMARY KEY, `{north}` varchar(100) DEFAULT '{north}.book')",
        "CREATE TABLE page (book_id int, CONSTRAINT page_book FOREIGN KEY (book_id) REFERENCES {schema}.book (id))",
        "CREATE VIEW spy AS SELECT id, '{north}.book' AS said FROM {schema}.book",
        "CREATE PROCEDURE tidy() DELETE FROM {schema}.page WHERE '{north}.book' <> \"`{north}`.book\" /* {north}.book */",
    ],
    planted: &[
        (
            "ALTER TABLE book ADD COLUMN said varchar(100) DEFAULT '{name}.book'",
            "table book: column said has default '{north}.book', and '{longer}.book' in the reference",
        ),
        (
            "CREATE VIEW leak AS SELECT id FROM `{north}`.book",
            "view leak has definition select $tenant.`book`.`id` AS `id` from $tenant.`book`, and select `{north}`.`book`.`id` AS `id` from `{north}`.`book` in the reference",
        ),
    ],
};
