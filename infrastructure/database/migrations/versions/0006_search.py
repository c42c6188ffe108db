"""What the search for jobs needs of PostgreSQL: how it reads words, and which words open jobs have used."""

from alembic import op
from sqlalchemy.exc import DBAPIError

from infrastructure.operator_error import OperatorError

revision = "0006"
down_revision = "0005"

EXTENSIONS = ("pg_trgm", "unaccent")

UP = """
-- English endings are taken off, and no word is too common to be looked for: IT, or C, is what somebody searches.
create text search dictionary job_stem (template = snowball, language = english);
create text search configuration job_search (copy = simple);
alter text search configuration job_search
    alter mapping for asciiword, asciihword, hword_asciipart with job_stem;
alter text search configuration job_search
    alter mapping for word, hword, hword_part with unaccent, job_stem;

-- Names that PostgreSQL's parser would cut short.
create function job_text(text) returns text language sql immutable parallel safe return
    replace(replace(replace(replace(lower($1), 'c++', 'cplusplus'), 'c#', 'csharp'), 'f#', 'fsharp'), '.net', ' dotnet');

create function job_words(text) returns tsvector language sql immutable parallel safe return
    to_tsvector('job_search', job_text($1));

-- What `q` asks for. Where it has names[i], others[i] will do as well. Whatever is written, it is never an error.
create function job_query(q text, names text[], others text[]) returns tsquery
language plpgsql immutable parallel safe as $$
declare
    wanted tsquery := websearch_to_tsquery('job_search', job_text(q));
    name tsquery;
begin
    for i in 1 .. coalesce(cardinality(names), 0) loop
        name := plainto_tsquery('job_search', job_text(names[i]));
        wanted := ts_rewrite(wanted, name, name || phraseto_tsquery('job_search', job_text(others[i])));
    end loop;
    return wanted;
end $$;

-- Words of titles and skills of jobs that were open once, for correcting those that are mistyped.
create table search_word (word text primary key);
create index on search_word using gist (word gist_trgm_ops (siglen = 32));

create function search_words(text) returns setof text language sql immutable parallel safe as $$
    select lexeme from unnest(tsvector_to_array(to_tsvector('simple', left($1, 2000)))) as lexeme
    where lexeme ~ '^[[:alpha:]]{4,30}$'
$$;

create function keep_search_words() returns trigger language plpgsql as $$
declare
    unknown text[] := array(
        select distinct used
        from changed, search_words(title || ' ' || skill_words) as used
        where status = 'open' and not exists (select from search_word where word = used)
        order by used);
begin
    if cardinality(unknown) > 0 then
        -- One at a time, so that two who add the same words never wait for each other in a circle.
        perform pg_advisory_xact_lock(7265006);
        insert into search_word select unnest(unknown) on conflict do nothing;
    end if;
    return null;
end $$;
"""

DOWN = """
drop function keep_search_words() cascade;
drop function search_words(text);
drop table search_word;
drop function job_query(text, text[], text[]);
drop function job_words(text) cascade;
drop function job_text(text);
drop text search configuration job_search;
drop text search dictionary job_stem;
"""


def upgrade() -> None:
    for extension in EXTENSIONS:
        try:
            op.execute(f"create extension if not exists {extension}")
        except DBAPIError as error:
            raise OperatorError(
                f"the search for jobs needs PostgreSQL's extension {extension}, which could not be created"
                f" ({str(error.orig).splitlines()[0]}): install PostgreSQL's contrib package, and give this user"
                " the right to create in the database or let an administrator create the extension"
            ) from error
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
