BEGIN TRANSACTION;
CREATE TABLE connection_logs (
	id INTEGER NOT NULL, 
	circuit_id VARCHAR(128) NOT NULL, 
	at BIGINT NOT NULL, 
	event VARCHAR(32) NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "connection_logs" VALUES(1,'hill',900,'connected','all is well');
INSERT INTO "connection_logs" VALUES(2,'hill',900,'connected','all is well');
CREATE TABLE laps (
	circuit_id VARCHAR(128) NOT NULL, 
	session_id VARCHAR(64) NOT NULL, 
	competitor_id VARCHAR(128) NOT NULL, 
	number INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	time_ms BIGINT NOT NULL, 
	kart TEXT NOT NULL, 
	team TEXT NOT NULL, 
	driver TEXT NOT NULL, 
	sectors JSON NOT NULL, 
	flags JSON NOT NULL, 
	provenance JSON NOT NULL, 
	PRIMARY KEY (circuit_id, session_id, competitor_id, number)
);
INSERT INTO "laps" VALUES('hill','20260101T120000Z-1','11',1,60000,61001,'11','Lions','Ada','[20000,null]','["pit"]','{"frames":[1],"rule":"last-lap-cell","note":""}');
INSERT INTO "laps" VALUES('hill','20260101T120000Z-1','11',2,120000,61002,'11','Lions','Ada','[20000,null]','["pit"]','{"frames":[2],"rule":"last-lap-cell","note":""}');
INSERT INTO "laps" VALUES('hill','20260101T120000Z-1','11',3,180000,61003,'11','Lions','Ada','[20000,null]','["pit"]','{"frames":[3],"rule":"last-lap-cell","note":""}');
CREATE TABLE schema_info (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "schema_info" VALUES(1);
CREATE TABLE sessions (
	circuit_id VARCHAR(128) NOT NULL, 
	session_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	event TEXT NOT NULL, 
	title TEXT NOT NULL, 
	track TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	PRIMARY KEY (circuit_id, session_id)
);
INSERT INTO "sessions" VALUES('hill','20260101T120000Z-1','race','Cup','Race','Hill',1000,NULL);
INSERT INTO "sessions" VALUES('hill','20251231T120000Z-1','practice','','','Hill',500,900);
CREATE TABLE timing_data (
	id INTEGER NOT NULL, 
	circuit_id VARCHAR(128) NOT NULL, 
	session_id VARCHAR(64) NOT NULL, 
	at BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	competitor_id VARCHAR(128) NOT NULL, 
	mapped JSON NOT NULL, 
	raw JSON NOT NULL, 
	source_url TEXT NOT NULL, 
	source_format VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "timing_data" VALUES(1,'hill','20260101T120000Z-1',1000,1,'11','{"C1":"1","C2":"11","C3":"Lions é"}','{"row":"r11","cells":{"c2":["no1","11"]}}','wss://timing.example/','apex');
INSERT INTO "timing_data" VALUES(2,'hill','20260101T120000Z-1',2000,2,'11','{"C1":"1","C2":"11","C3":"Lions é"}','{"row":"r11","cells":{"c2":["no1","11"]}}','wss://timing.example/','apex');
INSERT INTO "timing_data" VALUES(3,'hill','20260101T120000Z-1',3000,1,'11','{"C1":"1","C2":"11","C3":"Lions é"}','{"row":"r11","cells":{"c2":["no1","11"]}}','wss://timing.example/','apex');
INSERT INTO "timing_data" VALUES(4,'hill','20260101T120000Z-1',3000,2,'11','{"C1":"1","C2":"11","C3":"Lions é"}','{"row":"r11","cells":{"c2":["no1","11"]}}','wss://timing.example/','apex');
CREATE INDEX sessions_by_start ON sessions (circuit_id, started_at);
CREATE INDEX laps_by_time ON laps (circuit_id, at);
CREATE INDEX timing_data_by_session ON timing_data (circuit_id, session_id, at, id);
CREATE INDEX timing_data_by_time ON timing_data (circuit_id, at, id);
CREATE INDEX connection_logs_by_time ON connection_logs (circuit_id, at, id);
COMMIT;
