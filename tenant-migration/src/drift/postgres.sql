-- The structure of the schema $1: one row, with a JSON array of
-- [kind of object, table, name, {property: value}].
--
-- How PostgreSQL spells a name depends on what the search path makes visible. While this statement
-- runs, the path is `pg_catalog` alone, and all other names are qualified. It is put back in the
-- end, for the rest of a transaction that may be open; without one, it lasts for no more than this
-- statement anyway. What spells names stands in target lists only: they are computed for rows that
-- were joined to `here`, and so not before the path is set.
WITH before AS MATERIALIZED (
    SELECT pg_catalog.current_setting('search_path') AS path
), here AS MATERIALIZED (
    SELECT n.oid, b.path, pg_catalog.set_config('search_path', 'pg_catalog', true) AS entered
    FROM before AS b
    CROSS JOIN pg_catalog.pg_namespace AS n
    WHERE n.nspname = $1::pg_catalog.text::pg_catalog.name
), relation AS MATERIALIZED (
    SELECT c.*
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = (SELECT here.oid FROM here)
      AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend AS e
          WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid AND e.deptype = 'e'
      )
), sequence AS MATERIALIZED (
    SELECT r.oid, r.relname, d.deptype, d.refobjid, d.refobjsubid,
        pg_catalog.format_type(s.seqtypid, NULL) AS type, s.seqstart, s.seqincrement, s.seqcache, s.seqcycle,
        -- Bounds that follow from the type and the direction say nothing.
        NULLIF(s.seqmin, CASE
            WHEN s.seqincrement > 0 THEN 1
            WHEN s.seqtypid = 'pg_catalog.int2'::pg_catalog.regtype THEN -32768
            WHEN s.seqtypid = 'pg_catalog.int4'::pg_catalog.regtype THEN -2147483648
            ELSE -9223372036854775808
        END) AS minimum,
        NULLIF(s.seqmax, CASE
            WHEN s.seqincrement < 0 THEN -1
            WHEN s.seqtypid = 'pg_catalog.int2'::pg_catalog.regtype THEN 32767
            WHEN s.seqtypid = 'pg_catalog.int4'::pg_catalog.regtype THEN 2147483647
            ELSE 9223372036854775807
        END) AS maximum
    FROM relation AS r
    JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = r.oid
    LEFT JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = r.oid AND d.objsubid = 0
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
), found (kind, parent, name, properties) AS MATERIALIZED (
    SELECT 'table', NULL::pg_catalog.text, r.relname::pg_catalog.text, pg_catalog.json_build_object(
        'kind', CASE r.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' ELSE 'ordinary' END,
        'persistence', CASE r.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END,
        'partition key', pg_catalog.pg_get_partkeydef(r.oid),
        'partition bound', (
            SELECT i.inhparent::pg_catalog.regclass::pg_catalog.text || ' ' || pg_catalog.pg_get_expr(r.relpartbound, r.oid)
            FROM pg_catalog.pg_inherits AS i
            WHERE i.inhrelid = r.oid AND r.relispartition
        ),
        'parents', (
            SELECT pg_catalog.string_agg(i.inhparent::pg_catalog.regclass::pg_catalog.text, ', ' ORDER BY i.inhseqno)
            FROM pg_catalog.pg_inherits AS i
            WHERE i.inhrelid = r.oid AND NOT r.relispartition
        ),
        'access method', (SELECT am.amname FROM pg_catalog.pg_am AS am WHERE am.oid = r.relam),
        'row security', CASE WHEN r.relrowsecurity AND r.relforcerowsecurity THEN 'forced' WHEN r.relrowsecurity THEN 'enabled' END,
        'replica identity', CASE r.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' WHEN 'i' THEN 'index' END,
        'options', pg_catalog.array_to_string(r.reloptions, ', ')
    )
    FROM relation AS r
    WHERE r.relkind IN ('r', 'p', 'f')

    -- A partition's columns, keys and indexes follow from those of its table.
    UNION ALL
    SELECT 'column', r.relname, a.attname, pg_catalog.json_build_object(
        'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
        'nullability', CASE WHEN a.attnotnull THEN 'not null' ELSE 'nullable' END,
        'default', CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
        'generated expression', CASE a.attgenerated
            WHEN 's' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) || ' stored'
            WHEN 'v' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) || ' virtual'
        END,
        'identity', CASE WHEN a.attidentity <> '' THEN pg_catalog.concat_ws(' ',
            CASE a.attidentity WHEN 'a' THEN 'always' ELSE 'by default' END,
            'start', s.seqstart, 'increment', s.seqincrement,
            'minimum ' || s.minimum, 'maximum ' || s.maximum, 'cache ' || NULLIF(s.seqcache, 1),
            CASE WHEN s.seqcycle THEN 'cycle' END
        ) END,
        'collation', CASE WHEN a.attcollation <> t.typcollation
            THEN a.attcollation::pg_catalog.regcollation::pg_catalog.text
        END
    )
    FROM relation AS r
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = r.oid AND d.adnum = a.attnum
    LEFT JOIN sequence AS s ON s.deptype = 'i' AND s.refobjid = r.oid AND s.refobjsubid = a.attnum
    WHERE r.relkind IN ('r', 'p', 'f') AND NOT r.relispartition

    UNION ALL
    SELECT 'constraint', r.relname, c.conname, pg_catalog.json_build_object(
        'definition', pg_catalog.pg_get_constraintdef(c.oid)
    )
    FROM relation AS r
    JOIN pg_catalog.pg_constraint AS c ON c.conrelid = r.oid
    WHERE c.contype IN ('p', 'u', 'f', 'c', 'x') AND c.conparentid = 0 AND (c.conislocal OR c.coninhcount = 0)

    UNION ALL
    SELECT 'index', r.relname, x.relname, pg_catalog.json_build_object(
        'definition', pg_catalog.pg_get_indexdef(x.oid),
        'status', CASE WHEN i.indisvalid THEN 'valid' ELSE 'invalid' END
    )
    FROM relation AS r
    JOIN pg_catalog.pg_index AS i ON i.indrelid = r.oid
    JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
    WHERE NOT x.relispartition AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS c
        WHERE c.conindid = x.oid AND c.conrelid = r.oid AND c.contype IN ('p', 'u', 'x')
    )

    UNION ALL
    SELECT 'sequence', NULL, s.relname, pg_catalog.json_build_object(
        'type', s.type,
        'start', s.seqstart::pg_catalog.text,
        'increment', s.seqincrement::pg_catalog.text,
        'minimum', s.minimum::pg_catalog.text,
        'maximum', s.maximum::pg_catalog.text,
        'cache', s.seqcache::pg_catalog.text,
        'cycle', CASE WHEN s.seqcycle THEN 'yes' ELSE 'no' END,
        'owner column', o.relname || '.' || a.attname
    )
    FROM sequence AS s
    LEFT JOIN pg_catalog.pg_class AS o ON o.oid = s.refobjid
    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = s.refobjid AND a.attnum = s.refobjsubid
    WHERE s.deptype IS DISTINCT FROM 'i'

    UNION ALL
    SELECT CASE r.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, NULL, r.relname, pg_catalog.json_build_object(
        'definition', pg_catalog.btrim(pg_catalog.pg_get_viewdef(r.oid)),
        'options', pg_catalog.array_to_string(r.reloptions, ', ')
    )
    FROM relation AS r
    WHERE r.relkind IN ('v', 'm')

    UNION ALL
    SELECT 'rule', r.relname, w.rulename, pg_catalog.json_build_object(
        'definition', pg_catalog.pg_get_ruledef(w.oid),
        'status', CASE w.ev_enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled for replicas' WHEN 'A' THEN 'always enabled' ELSE 'enabled' END
    )
    FROM relation AS r
    JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = r.oid
    WHERE w.rulename <> '_RETURN'

    UNION ALL
    SELECT 'trigger', r.relname, t.tgname, pg_catalog.json_build_object(
        'definition', pg_catalog.pg_get_triggerdef(t.oid),
        'status', CASE t.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled for replicas' WHEN 'A' THEN 'always enabled' ELSE 'enabled' END
    )
    FROM relation AS r
    JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = r.oid
    WHERE NOT t.tgisinternal AND t.tgparentid = 0

    UNION ALL
    SELECT 'policy', r.relname, p.polname, pg_catalog.json_build_object(
        'kind', CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
        'command', CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END,
        'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
        'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
    )
    FROM relation AS r
    JOIN pg_catalog.pg_policy AS p ON p.polrelid = r.oid

    UNION ALL
    SELECT 'statistics', r.relname, s.stxname, pg_catalog.json_build_object(
        'definition', pg_catalog.pg_get_statisticsobjdef(s.oid)
    )
    FROM relation AS r
    JOIN pg_catalog.pg_statistic_ext AS s ON s.stxrelid = r.oid

    UNION ALL
    SELECT 'type', NULL, t.typname, pg_catalog.json_build_object(
        'kind', CASE t.typtype WHEN 'e' THEN 'an enum' WHEN 'd' THEN 'a domain' WHEN 'r' THEN 'a range' ELSE 'composite' END,
        'labels', (
            SELECT pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
            FROM pg_catalog.pg_enum AS e
            WHERE e.enumtypid = t.oid
        ),
        'base type', CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END,
        'default', COALESCE(pg_catalog.pg_get_expr(t.typdefaultbin, 0), t.typdefault),
        'not null', CASE WHEN t.typnotnull THEN 'yes' END,
        'collation', CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation
            THEN t.typcollation::pg_catalog.regcollation::pg_catalog.text
        END,
        'checks', (
            SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', c.conname, pg_catalog.pg_get_constraintdef(c.oid)), ', ' ORDER BY c.conname)
            FROM pg_catalog.pg_constraint AS c
            WHERE c.contypid = t.oid AND c.contype = 'c'
        ),
        'attributes', CASE WHEN t.typtype = 'c' THEN (
            SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', pg_catalog.quote_ident(a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        ) END,
        'subtype', (SELECT pg_catalog.format_type(g.rngsubtype, NULL) FROM pg_catalog.pg_range AS g WHERE g.rngtypid = t.oid)
    )
    FROM pg_catalog.pg_type AS t
    LEFT JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
    WHERE t.typnamespace = (SELECT here.oid FROM here)
      AND (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend AS e
          WHERE e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND e.objid = t.oid AND e.deptype = 'e'
      )

    UNION ALL
    SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
        NULL, p.proname || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')', pg_catalog.json_build_object(
        'arguments', NULLIF(pg_catalog.pg_get_function_arguments(p.oid), ''),
        'result', pg_catalog.pg_get_function_result(p.oid),
        'language', CASE WHEN p.prokind <> 'a' THEN l.lanname END,
        'body', CASE WHEN p.prokind <> 'a' THEN COALESCE(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) END,
        'library', p.probin,
        'window', CASE WHEN p.prokind = 'w' THEN 'yes' END,
        'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
        'null input', CASE WHEN p.proisstrict THEN 'strict' ELSE 'called' END,
        'security', CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END,
        'leakproof', CASE WHEN p.proleakproof THEN 'yes' END,
        'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
        'cost', p.procost::pg_catalog.text,
        'rows', NULLIF(p.prorows, 0)::pg_catalog.text,
        'settings', pg_catalog.array_to_string(p.proconfig, '; '),
        'transition', CASE WHEN p.prokind = 'a' THEN pg_catalog.concat_ws(' ', g.aggtransfn::pg_catalog.regproc, pg_catalog.format_type(g.aggtranstype, NULL)) END,
        'final function', NULLIF(g.aggfinalfn, 0)::pg_catalog.regproc::pg_catalog.text,
        'initial value', pg_catalog.quote_literal(g.agginitval)
    )
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    LEFT JOIN pg_catalog.pg_aggregate AS g ON g.aggfnoid = p.oid
    WHERE p.pronamespace = (SELECT here.oid FROM here)
      -- Constructors and conversions of ranges come with their type.
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend AS d
          WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i')
      )
)
SELECT
    (SELECT pg_catalog.count(*) FROM here)::pg_catalog.text AS schemas,
    COALESCE(
        pg_catalog.json_agg(pg_catalog.json_build_array(f.kind, f.parent, f.name, f.properties)),
        '[]'::pg_catalog.json
    )::pg_catalog.text AS objects,
    pg_catalog.set_config('search_path', COALESCE((SELECT here.path FROM here), pg_catalog.current_setting('search_path')), true) AS path
FROM found AS f
