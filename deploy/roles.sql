-- Roles and databases of docker-compose.yml; run in Guerdon's database by a superuser. Safe to run
-- again, also where that superuser owned everything.
\getenv owner_password OWNER_PASSWORD
\getenv runtime_password RUNTIME_PASSWORD
\getenv temporal_password TEMPORAL_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['guerdon_owner', 'guerdon_runtime', 'temporal']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE guerdon_owner PASSWORD :'owner_password';
ALTER ROLE guerdon_runtime PASSWORD :'runtime_password';
ALTER ROLE temporal PASSWORD :'temporal_password';

SELECT format('CREATE DATABASE %I', name) FROM unnest(ARRAY['temporal', 'temporal_visibility']) AS name
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
ALTER DATABASE :"DBNAME" OWNER TO guerdon_owner;
ALTER DATABASE temporal OWNER TO temporal;
ALTER DATABASE temporal_visibility OWNER TO temporal;
-- Each role reaches its own databases only.
REVOKE CONNECT ON DATABASE :"DBNAME", temporal, temporal_visibility, postgres FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"DBNAME" TO guerdon_runtime;

-- What a former superuser made in a database gets its owner. Functions below pg_temp end with their
-- connection: psql keeps the text, and says it again in each database.
SELECT $text$
CREATE FUNCTION pg_temp.hand_over(owner text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE statement text;
BEGIN
    FOR statement IN
        SELECT format('ALTER %s %s OWNER TO %I', CASE relkind WHEN 'S' THEN 'SEQUENCE'
            WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, oid::regclass, owner)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
        UNION ALL
        SELECT format('ALTER FUNCTION %s OWNER TO %I', oid::regprocedure, owner)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    LOOP EXECUTE statement; END LOOP;
    EXECUTE format('ALTER SCHEMA public OWNER TO %I', owner);
END $$;
$text$ AS hand_over \gset
:hand_over
SELECT pg_temp.hand_over('guerdon_owner');

\connect temporal
:hand_over
SELECT pg_temp.hand_over('temporal');

\connect temporal_visibility
:hand_over
SELECT pg_temp.hand_over('temporal');
