use super::{LookAlike, Plant};

/// SQLite can alter few things of a table: most plants make one anew, and so those tables have
/// nothing that refers to them.
pub(super) const RICH_SCHEMA: &[&str] = &[
    "CREATE TABLE author (
        id integer PRIMARY KEY AUTOINCREMENT,
        name text NOT NULL COLLATE nocase UNIQUE,
        mentor_id integer REFERENCES author
    )",
    "CREATE TABLE book (
        id integer PRIMARY KEY,
        title varchar(100) NOT NULL,
        subtitle text,
        pages integer NOT NULL DEFAULT 0,
        price numeric,
        priced numeric GENERATED ALWAYS AS (price * 2) STORED,
        author_id integer NOT NULL REFERENCES author (id) ON DELETE CASCADE,
        CONSTRAINT book_pages CHECK (pages >= 0)
    )",
    "CREATE INDEX {schema}.book_title ON book (title)",
    "CREATE UNIQUE INDEX book_pages_title ON book (pages, title DESC)",
    "CREATE INDEX book_cheap ON book (id) WHERE price < 10",
    "CREATE INDEX book_shouted ON book (upper(title))",
    "CREATE TABLE tag (id integer PRIMARY KEY, word text, motto varchar(100), UNIQUE (word, motto))",
    "CREATE TABLE book_tag (
        book_id integer NOT NULL REFERENCES book ON UPDATE CASCADE,
        tag_id integer NOT NULL,
        PRIMARY KEY (book_id, tag_id),
        FOREIGN KEY (tag_id) REFERENCES tag (id)
    ) WITHOUT ROWID",
    "CREATE TABLE review (
        id integer PRIMARY KEY AUTOINCREMENT,
        book_id integer REFERENCES book (id) DEFERRABLE INITIALLY DEFERRED,
        text text COLLATE nocase,
        stars integer DEFAULT 3 CHECK (stars < 6)
    )",
    "CREATE TABLE draft (id integer, note text, size integer AS (length(note)))",
    "CREATE TABLE audit (id integer PRIMARY KEY, what text, at text DEFAULT (datetime('now')))",
    "CREATE TABLE visitor (id integer PRIMARY KEY, name text) STRICT",
    "CREATE TABLE spare (id integer PRIMARY KEY, word text UNIQUE CHECK (word <> ''))",
    "CREATE INDEX spare_word ON spare (lower(word))",
    "CREATE VIEW listed AS SELECT b.id, b.title, a.name FROM book b JOIN main.author a ON a.id = b.author_id",
    "CREATE VIEW plain AS SELECT id, word FROM tag",
    "CREATE VIEW glimpse AS SELECT id FROM tag",
    "CREATE TRIGGER book_touch AFTER INSERT ON book BEGIN INSERT INTO audit (what) VALUES ('it''s'); END",
    "CREATE TRIGGER author_touch AFTER UPDATE ON author BEGIN INSERT INTO audit (what) VALUES ('updated'); END",
    "CREATE TRIGGER listed_delete INSTEAD OF DELETE ON listed BEGIN DELETE FROM book WHERE id = OLD.id; END",
    "CREATE VIRTUAL TABLE words USING fts5 (word)",
];

pub(super) const PLANTS: &[Plant] = &[
    (
        "ALTER TABLE author ADD COLUMN born date",
        &["table author: column born is not in the reference"],
    ),
    (
        "ALTER TABLE audit DROP COLUMN at",
        &["table audit: column at is missing"],
    ),
    (
        "ALTER TABLE book RENAME COLUMN subtitle TO byline",
        &[
            "table book: column byline is not in the reference",
            "table book: column subtitle is missing",
        ],
    ),
    (
        "DROP TABLE visitor; CREATE TABLE visitor (id integer PRIMARY KEY, name integer) STRICT",
        &["table visitor: column name is integer, and text in the reference"],
    ),
    (
        "DROP TABLE visitor; CREATE TABLE visitor (id integer PRIMARY KEY, name integer)",
        &["table visitor has no options, and strict in the reference"],
    ),
    (
        "DROP TABLE visitor; CREATE TABLE visitor (id integer PRIMARY KEY, name integer NOT NULL)",
        &["table visitor: column name is not null, and nullable in the reference"],
    ),
    (
        "DROP TABLE visitor; CREATE TABLE visitor (id integer PRIMARY KEY, name integer NOT NULL DEFAULT 7)",
        &["table visitor: column name has default 7, and none in the reference"],
    ),
    (
        "DROP TABLE visitor; CREATE TABLE visitor (id integer, name integer NOT NULL DEFAULT 7)",
        &["table visitor: constraint primary key is missing"],
    ),
    (
        "DROP TABLE draft; CREATE TABLE draft (id integer, note text, size integer AS (length(note) + 1))",
        &[
            "table draft: column size has generated expression (length(note) + 1) virtual, and (length(note)) virtual in the reference",
        ],
    ),
    (
        "DROP TABLE draft; CREATE TABLE draft (id integer, note text COLLATE rtrim, size integer AS (length(note) + 1))",
        &["table draft: column note has collation rtrim, and none in the reference"],
    ),
    (
        "DROP TABLE draft; CREATE TABLE draft (id integer, note text COLLATE rtrim CHECK (note <> ''), size integer AS (length(note) + 1))",
        &["table draft: constraint check(note <> '') is not in the reference"],
    ),
    (
        "DROP TABLE draft; CREATE TABLE draft (id integer REFERENCES tag, note text COLLATE rtrim CHECK (note <> ''), size integer AS (length(note) + 1))",
        &["table draft: constraint foreign key(id) to tag is not in the reference"],
    ),
    (
        "DROP TABLE review; CREATE TABLE review (id integer PRIMARY KEY, book_id integer REFERENCES book (id) DEFERRABLE INITIALLY DEFERRED, text text COLLATE nocase, stars integer DEFAULT 3 CHECK (stars < 6))",
        &["table review: column id has no extra, and autoincrement in the reference"],
    ),
    (
        "DROP TABLE review; CREATE TABLE review (id integer PRIMARY KEY, book_id integer REFERENCES book (id), text text COLLATE nocase, stars integer DEFAULT 3 CHECK (stars < 6))",
        &[
            "table review: constraint foreign key(book_id) to book has no deferral, and initially deferred in the reference",
        ],
    ),
    (
        "DROP TABLE review; CREATE TABLE review (id integer PRIMARY KEY, book_id integer REFERENCES book (id) ON DELETE SET NULL, text text COLLATE nocase, stars integer DEFAULT 3 CHECK (stars < 6))",
        &[
            "table review: constraint foreign key(book_id) to book has on delete set null, and no action in the reference",
        ],
    ),
    (
        "DROP TABLE review; CREATE TABLE review (id integer PRIMARY KEY, book_id integer REFERENCES book (id) ON DELETE SET NULL, text text COLLATE nocase, stars integer DEFAULT 3 CHECK (stars < 7))",
        &[
            "table review: constraint check(stars < 6) is missing",
            "table review: constraint check(stars < 7) is not in the reference",
        ],
    ),
    (
        "DROP TABLE review; CREATE TABLE review (id integer PRIMARY KEY, book_id integer REFERENCES book (id) ON DELETE SET NULL, text text COLLATE nocase, stars integer CHECK (stars < 7))",
        &["table review: column stars has no default, and 3 in the reference"],
    ),
    (
        "DROP TABLE book_tag; CREATE TABLE book_tag (book_id integer NOT NULL REFERENCES book ON UPDATE CASCADE, tag_id integer NOT NULL, PRIMARY KEY (book_id, tag_id), FOREIGN KEY (tag_id) REFERENCES tag (id))",
        &["table book_tag has no options, and without rowid in the reference"],
    ),
    (
        "DROP TABLE book_tag; CREATE TABLE book_tag (book_id integer NOT NULL REFERENCES book, tag_id integer NOT NULL, PRIMARY KEY (book_id, tag_id), FOREIGN KEY (tag_id) REFERENCES tag (id))",
        &[
            "table book_tag: constraint foreign key(book_id) to book has on update no action, and cascade in the reference",
        ],
    ),
    (
        "DROP TABLE book_tag; CREATE TABLE book_tag (book_id integer NOT NULL REFERENCES book, tag_id integer NOT NULL, PRIMARY KEY (tag_id, book_id), FOREIGN KEY (tag_id) REFERENCES tag (id))",
        &[
            "table book_tag: constraint primary key has columns tag_id, book_id, and book_id, tag_id in the reference",
        ],
    ),
    (
        "DROP TABLE book_tag; CREATE TABLE book_tag (book_id integer NOT NULL REFERENCES book, tag_id integer NOT NULL, PRIMARY KEY (tag_id, book_id), FOREIGN KEY (tag_id) REFERENCES author (id))",
        &[
            "table book_tag: constraint foreign key(tag_id) to author is not in the reference",
            "table book_tag: constraint foreign key(tag_id) to tag is missing",
        ],
    ),
    (
        "DROP INDEX book_title",
        &["table book: index book_title is missing"],
    ),
    (
        "CREATE INDEX audit_what ON audit (what)",
        &["table audit: index audit_what is not in the reference"],
    ),
    (
        "DROP INDEX book_pages_title; CREATE INDEX book_pages_title ON book (pages, title DESC)",
        &[
            "table book: index book_pages_title has definition create index book_pages_title on book(pages, title desc), and create unique index book_pages_title on book(pages, title desc) in the reference",
        ],
    ),
    (
        "DROP INDEX book_cheap; CREATE INDEX book_cheap ON book (id) WHERE price < 20",
        &[
            "table book: index book_cheap has definition create index book_cheap on book(id) where price < 20, and create index book_cheap on book(id) where price < 10 in the reference",
        ],
    ),
    (
        "DROP INDEX book_shouted; CREATE INDEX book_shouted ON book (lower(title))",
        &[
            "table book: index book_shouted has definition create index book_shouted on book(lower(title)), and create index book_shouted on book(upper(title)) in the reference",
        ],
    ),
    (
        "DROP VIEW plain; CREATE VIEW plain AS SELECT id, word FROM tag WHERE id > 0",
        &[
            "view plain has definition create view plain as select id, word from tag where id > 0, and create view plain as select id, word from tag in the reference",
        ],
    ),
    (
        "CREATE VIEW said AS SELECT word FROM tag",
        &["view said is not in the reference"],
    ),
    ("DROP VIEW glimpse", &["view glimpse is missing"]),
    (
        "DROP TRIGGER book_touch",
        &["table book: trigger book_touch is missing"],
    ),
    (
        "DROP TRIGGER author_touch; CREATE TRIGGER author_touch BEFORE UPDATE ON author BEGIN INSERT INTO audit (what) VALUES ('updated'); END",
        &[
            "table author: trigger author_touch has definition create trigger author_touch before update on author begin insert into audit(what) values('updated'); end, and create trigger author_touch after update on author begin insert into audit(what) values('updated'); end in the reference",
        ],
    ),
    (
        "CREATE TRIGGER tag_touch AFTER DELETE ON tag BEGIN INSERT INTO audit (what) VALUES ('gone'); END",
        &["table tag: trigger tag_touch is not in the reference"],
    ),
    (
        "DROP TRIGGER listed_delete",
        &["table listed: trigger listed_delete is missing"],
    ),
    (
        "CREATE TABLE extra (id integer PRIMARY KEY, word text UNIQUE CHECK (word <> '')); CREATE INDEX extra_word ON extra (lower(word))",
        &["table extra is not in the reference"],
    ),
    ("DROP TABLE spare", &["table spare is missing"]),
    (
        "DROP TABLE words; CREATE VIRTUAL TABLE words USING fts5 (word, sense)",
        &[
            "table words has definition create virtual table words using fts5(word, sense), and create virtual table words using fts5(word) in the reference",
        ],
    ),
];

pub(super) const LOOK_ALIKE: LookAlike = LookAlike {
    alike: &[
        "CREATE TABLE book (id integer PRIMARY KEY, note text DEFAULT 'main.book')",
        "CREATE VIEW spy AS SELECT id, 'main.book' AS said FROM main.book",
    ],
    // All are called `main`.
    planted: &[],
};
