-- The ledger. Forward only. One text for both databases: SQLite reads it as it stands; for PostgreSQL the driver reads
-- INTEGER as BIGINT and BLOB as BYTEA and leaves out WITHOUT ROWID.
--
-- Rows are cheap because ids that are not secrets sort by time (appends touch the last page of their tree), events have
-- an integer key in commit order and no other index, and no row is kept for an access token. `key` of events and cuts is
-- zone number * 2^40 + sequence: a zone's rows stand together, and its sequence has no gap.

CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO meta VALUES ('epoch', 0);

CREATE TABLE zone_number (slug TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL);

CREATE TABLE zone_version (
  zone TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (zone, version));

CREATE TABLE signing_key (
  zone TEXT NOT NULL, kid TEXT NOT NULL, algorithm TEXT NOT NULL, public TEXT NOT NULL, sealed BLOB NOT NULL,
  created INTEGER NOT NULL, retired INTEGER,
  PRIMARY KEY (zone, kid)) WITHOUT ROWID;

CREATE TABLE account (
  zone TEXT NOT NULL, user_slug TEXT NOT NULL, password TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (zone, user_slug)) WITHOUT ROWID;

CREATE TABLE client_secret (
  zone TEXT NOT NULL, application TEXT NOT NULL, digest BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (zone, application)) WITHOUT ROWID;

CREATE TABLE browser (
  zone TEXT NOT NULL, digest BLOB NOT NULL, user_slug TEXT NOT NULL, signed_in INTEGER NOT NULL,
  last_seen INTEGER NOT NULL, ends INTEGER NOT NULL,
  PRIMARY KEY (zone, digest)) WITHOUT ROWID;
CREATE INDEX browser_end ON browser (ends);

CREATE TABLE session (
  zone TEXT NOT NULL, id TEXT NOT NULL, parent TEXT, root TEXT NOT NULL, level INTEGER NOT NULL,
  user_slug TEXT NOT NULL, application TEXT NOT NULL, client_id TEXT NOT NULL, browser TEXT NOT NULL,
  opened INTEGER NOT NULL, idle INTEGER NOT NULL, ends INTEGER NOT NULL, last_used INTEGER NOT NULL, stay INTEGER NOT NULL,
  PRIMARY KEY (zone, id)) WITHOUT ROWID;
CREATE INDEX session_user ON session (zone, user_slug, application, ends);
CREATE INDEX session_parent ON session (zone, parent) WHERE parent IS NOT NULL;

CREATE TABLE authorization_ (
  zone TEXT NOT NULL, id TEXT NOT NULL, session TEXT NOT NULL, user_slug TEXT NOT NULL, application TEXT NOT NULL,
  client_id TEXT NOT NULL, authority TEXT NOT NULL, granted TEXT NOT NULL, document TEXT NOT NULL,
  created INTEGER NOT NULL, ends INTEGER NOT NULL,
  PRIMARY KEY (zone, id)) WITHOUT ROWID;
CREATE INDEX authorization_session ON authorization_ (zone, session);

-- What is random here is a secret's digest: 256 bits, kept only so.
CREATE TABLE code (
  zone TEXT NOT NULL, digest BLOB NOT NULL, authorization_id TEXT NOT NULL, client_id TEXT NOT NULL,
  redirect_uri TEXT NOT NULL, challenge TEXT NOT NULL, resources TEXT NOT NULL, decision TEXT NOT NULL,
  created INTEGER NOT NULL, ends INTEGER NOT NULL, used INTEGER,
  PRIMARY KEY (zone, digest)) WITHOUT ROWID;
CREATE INDEX code_end ON code (ends);

CREATE TABLE refresh (
  zone TEXT NOT NULL, digest BLOB NOT NULL, authorization_id TEXT NOT NULL, hop TEXT, bound_key TEXT,
  client_id TEXT NOT NULL, generation INTEGER NOT NULL, created INTEGER NOT NULL, ends INTEGER NOT NULL, used INTEGER,
  PRIMARY KEY (zone, digest)) WITHOUT ROWID;
CREATE INDEX refresh_end ON refresh (ends);

CREATE TABLE hop (
  zone TEXT NOT NULL, id TEXT NOT NULL, session TEXT NOT NULL, authorization_id TEXT NOT NULL, parent TEXT NOT NULL,
  application TEXT NOT NULL, client_id TEXT NOT NULL, resource TEXT NOT NULL, scopes TEXT NOT NULL,
  classes INTEGER NOT NULL, action TEXT NOT NULL, evidence TEXT NOT NULL, level INTEGER NOT NULL, via TEXT NOT NULL,
  bound_key TEXT, snapshot INTEGER NOT NULL, created INTEGER NOT NULL, proof INTEGER NOT NULL,
  PRIMARY KEY (zone, id)) WITHOUT ROWID;
CREATE INDEX hop_session ON hop (zone, session, parent);

CREATE TABLE lease (
  zone TEXT NOT NULL, hop TEXT NOT NULL, decision TEXT NOT NULL, sealed BLOB NOT NULL, ends INTEGER NOT NULL,
  PRIMARY KEY (zone, hop, decision)) WITHOUT ROWID; -- a hop's next lease does not make its last one forgotten
CREATE INDEX lease_end ON lease (ends);

-- `target` is what a token's `anc` names: the id; or "user:sara" for a user, an application, a resource.
CREATE TABLE cut (
  key INTEGER NOT NULL PRIMARY KEY, zone TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, at INTEGER NOT NULL,
  identifier TEXT NOT NULL);
CREATE INDEX cut_target ON cut (zone, target, at);
CREATE INDEX cut_time ON cut (zone, at);

CREATE TABLE jti (
  zone TEXT NOT NULL, client_id TEXT NOT NULL, jti TEXT NOT NULL, ends INTEGER NOT NULL,
  PRIMARY KEY (zone, client_id, jti)) WITHOUT ROWID;
CREATE INDEX jti_end ON jti (ends);

CREATE TABLE consent (
  zone TEXT NOT NULL, user_slug TEXT NOT NULL, application TEXT NOT NULL, authority_digest TEXT NOT NULL,
  document_digest TEXT NOT NULL, authority TEXT NOT NULL, given INTEGER NOT NULL,
  PRIMARY KEY (zone, user_slug, application)) WITHOUT ROWID;

CREATE TABLE delegated_grant (
  zone TEXT NOT NULL, user_slug TEXT NOT NULL, provider TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL,
  scopes TEXT NOT NULL, status TEXT NOT NULL, refresh BLOB, access BLOB, access_ends INTEGER NOT NULL,
  generation INTEGER NOT NULL, updated INTEGER NOT NULL,
  PRIMARY KEY (zone, user_slug, provider)) WITHOUT ROWID;

CREATE TABLE client (
  zone TEXT NOT NULL, client_id TEXT NOT NULL, metadata TEXT NOT NULL, created INTEGER NOT NULL, last_used INTEGER NOT NULL,
  PRIMARY KEY (zone, client_id)) WITHOUT ROWID;

CREATE TABLE document (
  zone TEXT NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL, fetched INTEGER NOT NULL, fresh_until INTEGER NOT NULL,
  PRIMARY KEY (zone, url)) WITHOUT ROWID;
CREATE INDEX document_end ON document (fresh_until);

CREATE TABLE ticket (
  zone TEXT NOT NULL, digest BLOB NOT NULL, kind TEXT NOT NULL, user_slug TEXT NOT NULL, subject TEXT NOT NULL,
  session TEXT, ends INTEGER NOT NULL, used INTEGER,
  PRIMARY KEY (zone, digest)) WITHOUT ROWID;
CREATE INDEX ticket_end ON ticket (ends);

-- `alive` is the guard: its value is NULL, and the row refused, when a cut applies to what the event issues.
CREATE TABLE event (
  key INTEGER NOT NULL PRIMARY KEY, writer INTEGER NOT NULL, alive INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  decision TEXT NOT NULL, root TEXT NOT NULL, hash BLOB NOT NULL, body TEXT NOT NULL);

CREATE TABLE refused_count (
  zone TEXT NOT NULL, second INTEGER NOT NULL, reason TEXT NOT NULL, source TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (zone, second, reason, source)) WITHOUT ROWID;
