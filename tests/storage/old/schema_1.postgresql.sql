CREATE TABLE public.connection_logs (
    id bigint NOT NULL,
    circuit_id character varying(128) NOT NULL,
    at bigint NOT NULL,
    event character varying(32) NOT NULL,
    detail text NOT NULL
);
CREATE SEQUENCE public.connection_logs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.connection_logs_id_seq OWNED BY public.connection_logs.id;
CREATE TABLE public.laps (
    circuit_id character varying(128) NOT NULL,
    session_id character varying(64) NOT NULL,
    competitor_id character varying(128) NOT NULL,
    number integer NOT NULL,
    at bigint NOT NULL,
    time_ms bigint NOT NULL,
    kart text NOT NULL,
    team text NOT NULL,
    driver text NOT NULL,
    sectors json NOT NULL,
    flags json NOT NULL,
    provenance json NOT NULL
);
CREATE TABLE public.schema_info (
    version integer NOT NULL
);
CREATE TABLE public.sessions (
    circuit_id character varying(128) NOT NULL,
    session_id character varying(64) NOT NULL,
    kind character varying(16) NOT NULL,
    event text NOT NULL,
    title text NOT NULL,
    track text NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint
);
CREATE TABLE public.timing_data (
    id bigint NOT NULL,
    circuit_id character varying(128) NOT NULL,
    session_id character varying(64) NOT NULL,
    at bigint NOT NULL,
    seq bigint NOT NULL,
    competitor_id character varying(128) NOT NULL,
    mapped json NOT NULL,
    raw json NOT NULL,
    source_url text NOT NULL,
    source_format character varying(32) NOT NULL
);
CREATE SEQUENCE public.timing_data_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.timing_data_id_seq OWNED BY public.timing_data.id;
ALTER TABLE ONLY public.connection_logs ALTER COLUMN id SET DEFAULT nextval('public.connection_logs_id_seq'::regclass);
ALTER TABLE ONLY public.timing_data ALTER COLUMN id SET DEFAULT nextval('public.timing_data_id_seq'::regclass);
INSERT INTO public.connection_logs VALUES (1, 'hill', 900, 'connected', 'all is well');
INSERT INTO public.connection_logs VALUES (2, 'hill', 900, 'connected', 'all is well');
INSERT INTO public.laps VALUES ('hill', '20260101T120000Z-1', '11', 1, 60000, 61001, '11', 'Lions', 'Ada', '[20000,null]', '["pit"]', '{"frames":[1],"rule":"last-lap-cell","note":""}');
INSERT INTO public.laps VALUES ('hill', '20260101T120000Z-1', '11', 2, 120000, 61002, '11', 'Lions', 'Ada', '[20000,null]', '["pit"]', '{"frames":[2],"rule":"last-lap-cell","note":""}');
INSERT INTO public.laps VALUES ('hill', '20260101T120000Z-1', '11', 3, 180000, 61003, '11', 'Lions', 'Ada', '[20000,null]', '["pit"]', '{"frames":[3],"rule":"last-lap-cell","note":""}');
INSERT INTO public.schema_info VALUES (1);
INSERT INTO public.sessions VALUES ('hill', '20260101T120000Z-1', 'race', 'Cup', 'Race', 'Hill', 1000, NULL);
INSERT INTO public.sessions VALUES ('hill', '20251231T120000Z-1', 'practice', '', '', 'Hill', 500, 900);
INSERT INTO public.timing_data VALUES (1, 'hill', '20260101T120000Z-1', 1000, 1, '11', '{"C1":"1","C2":"11","C3":"Lions é"}', '{"row":"r11","cells":{"c2":["no1","11"]}}', 'wss://timing.example/', 'apex');
INSERT INTO public.timing_data VALUES (2, 'hill', '20260101T120000Z-1', 2000, 2, '11', '{"C1":"1","C2":"11","C3":"Lions é"}', '{"row":"r11","cells":{"c2":["no1","11"]}}', 'wss://timing.example/', 'apex');
INSERT INTO public.timing_data VALUES (3, 'hill', '20260101T120000Z-1', 3000, 1, '11', '{"C1":"1","C2":"11","C3":"Lions é"}', '{"row":"r11","cells":{"c2":["no1","11"]}}', 'wss://timing.example/', 'apex');
INSERT INTO public.timing_data VALUES (4, 'hill', '20260101T120000Z-1', 3000, 2, '11', '{"C1":"1","C2":"11","C3":"Lions é"}', '{"row":"r11","cells":{"c2":["no1","11"]}}', 'wss://timing.example/', 'apex');
SELECT pg_catalog.setval('public.connection_logs_id_seq', 2, true);
SELECT pg_catalog.setval('public.timing_data_id_seq', 4, true);
ALTER TABLE ONLY public.connection_logs
    ADD CONSTRAINT connection_logs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.laps
    ADD CONSTRAINT laps_pkey PRIMARY KEY (circuit_id, session_id, competitor_id, number);
ALTER TABLE ONLY public.schema_info
    ADD CONSTRAINT schema_info_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (circuit_id, session_id);
ALTER TABLE ONLY public.timing_data
    ADD CONSTRAINT timing_data_pkey PRIMARY KEY (id);
CREATE INDEX connection_logs_by_time ON public.connection_logs USING btree (circuit_id, at, id);
CREATE INDEX laps_by_time ON public.laps USING btree (circuit_id, at);
CREATE INDEX sessions_by_start ON public.sessions USING btree (circuit_id, started_at);
CREATE INDEX timing_data_by_session ON public.timing_data USING btree (circuit_id, session_id, at, id);
CREATE INDEX timing_data_by_time ON public.timing_data USING btree (circuit_id, at, id);
