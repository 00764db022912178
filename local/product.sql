-- Tables of the watched product as the monitor meets them; only for playing it locally, never for production.

CREATE TABLE IF NOT EXISTS agencies (
    id uuid DEFAULT gen_random_uuid() NOT NULL, name varchar(255) NOT NULL, slug varchar(255), owner_user_id uuid,
    product_type varchar(100) DEFAULT 'full', settings jsonb DEFAULT '{}', created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(), convoso_auth_token text, convoso_base_url text DEFAULT
    'https://api.convoso.com/v1', compliance_settings jsonb DEFAULT '{"notification_email": "", "email_notifications":
    false, "fuzzy_mode_threshold": 80, "strict_mode_threshold": 98, "auto_analyze_new_calls": true}', discovery_status
    varchar(50) DEFAULT 'pending', discovery_session_id uuid, convoso_credentials jsonb, discovery_skip_reason text,
    PRIMARY KEY (id), UNIQUE (slug)
);

CREATE TABLE IF NOT EXISTS calls (
    id uuid DEFAULT gen_random_uuid() NOT NULL, idem_key text, source text NOT NULL, source_ref text, contact_id uuid,
    agent_id uuid, campaign text, direction text, started_at timestamptz, ended_at timestamptz, duration_sec integer,
    recording_url text, disposition text, sale_time timestamptz, anonymized boolean DEFAULT false, anonymized_at
    timestamp, audio_url_cleared boolean DEFAULT false, audio_url_cleared_at timestamp, metadata jsonb, updated_at
    timestamptz DEFAULT now(), agent_name text, agent_email text, lead_id text, talk_time_sec integer, wrap_time_sec
    integer, queue text, language text, tags text[], created_at timestamptz DEFAULT now(), recording_fingerprint
    varchar(255), recording_matched_at timestamptz, recording_match_confidence varchar(20), phone_number text, call_id
    text, duration integer, office_id bigint DEFAULT 1, analyzed_at timestamptz DEFAULT now(), analyzed_day date,
    agency_id uuid, analysis_json jsonb, hold_time_sec integer, hold_events integer, hold_reasons jsonb,
    questions_first_minute integer, talk_ratio_agent numeric, price_change boolean DEFAULT false, discount_cents_total
    integer, price_timeline jsonb, wasted_call boolean DEFAULT false, callback_set boolean DEFAULT false, call_type
    varchar(20), rebuttals_opening jsonb, rebuttals_money jsonb, contact_guess jsonb, is_test boolean DEFAULT false,
    product_type varchar(100), state varchar(2), convoso_agent_id varchar(255), convoso_campaign_id varchar(255),
    convoso_list_id varchar(255), convoso_disposition varchar(50), compliance_required boolean DEFAULT false,
    compliance_processed boolean DEFAULT false, PRIMARY KEY (id), UNIQUE (call_id), UNIQUE (idem_key)
);

CREATE TABLE IF NOT EXISTS contacts (
    id uuid DEFAULT gen_random_uuid() NOT NULL, lead_id text, phone_number text, first_name text, last_name text,
    email text, address text, city text, state text, list_id text, alt_phones text[] DEFAULT '{}', created_at
    timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(), primary_phone text, office_id bigint DEFAULT 1,
    PRIMARY KEY (id), UNIQUE (lead_id)
);

CREATE TABLE IF NOT EXISTS agents (
    id uuid DEFAULT gen_random_uuid() NOT NULL, ext_ref text, name text, team text, active boolean DEFAULT true,
    PRIMARY KEY (id), UNIQUE (ext_ref)
);

CREATE TABLE IF NOT EXISTS transcripts (
    call_id uuid NOT NULL, engine text, text text, redacted text, diarized jsonb, words jsonb, lang text,
    translated_text text, created_at timestamptz DEFAULT now(), pii_masked boolean DEFAULT false, pii_masked_at
    timestamp, original_text_hash text, PRIMARY KEY (call_id)
);

CREATE TABLE IF NOT EXISTS transcript_embeddings (
    call_id uuid NOT NULL, embedding _float4, created_at timestamptz DEFAULT now(), text_hash text, model text DEFAULT
    'text-embedding-3-small', model_version text DEFAULT 'v1', PRIMARY KEY (call_id)
);

CREATE TABLE IF NOT EXISTS analyses (
    call_id uuid NOT NULL, reason_primary text, reason_secondary text, confidence double precision, qa_score integer,
    script_adherence integer, sentiment_agent double precision, sentiment_customer double precision, risk_flags
    text[], actions text[], key_quotes jsonb, summary text, prompt_ver integer DEFAULT 1, model text, token_input
    integer, token_output integer, PRIMARY KEY (call_id)
);

CREATE TABLE IF NOT EXISTS transcription_queue (
    id serial, call_id uuid NOT NULL, recording_url text NOT NULL, priority integer DEFAULT 0, status varchar(20)
    DEFAULT 'pending', attempts integer DEFAULT 0, last_error text, created_at timestamptz DEFAULT now(), started_at
    timestamptz, completed_at timestamptz, source varchar(50), duration_sec integer, PRIMARY KEY (id), UNIQUE
    (call_id)
);

CREATE TABLE IF NOT EXISTS pending_recordings (
    id serial, call_id text, lead_id text, attempts integer DEFAULT 0, last_error text, created_at timestamptz DEFAULT
    now(), processed_at timestamptz, estimated_end_time timestamptz, retry_phase varchar(20) DEFAULT 'quick',
    scheduled_for timestamptz DEFAULT now(), call_started_at timestamptz, call_ended_at timestamptz, PRIMARY KEY (id)
);

CREATE TABLE IF NOT EXISTS call_events (
    id bigserial, call_id uuid, type text, payload jsonb, at timestamptz DEFAULT now(), PRIMARY KEY (id)
);

CREATE TABLE IF NOT EXISTS webhook_logs (
    id serial, endpoint text NOT NULL, method text NOT NULL, headers jsonb, body jsonb, response_status integer,
    response_body jsonb, error text, created_at timestamptz DEFAULT now(), PRIMARY KEY (id)
);

CREATE TABLE IF NOT EXISTS cron_heartbeats (
    name text NOT NULL, last_ok timestamptz DEFAULT now() NOT NULL, last_message text, PRIMARY KEY (name)
);

CREATE TABLE IF NOT EXISTS sync_state (
    key varchar(50) NOT NULL, value text, office_id bigint DEFAULT 1, updated_at timestamp DEFAULT now(), PRIMARY KEY
    (key)
);

CREATE TABLE IF NOT EXISTS batch_progress (
    batch_id varchar(50) NOT NULL, total integer DEFAULT 0 NOT NULL, scanned integer DEFAULT 0 NOT NULL, posted
    integer DEFAULT 0 NOT NULL, completed integer DEFAULT 0 NOT NULL, failed integer DEFAULT 0 NOT NULL, status
    varchar(20) DEFAULT 'processing', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
    PRIMARY KEY (batch_id)
);

CREATE TABLE IF NOT EXISTS discovery_sessions (
    id uuid DEFAULT gen_random_uuid() NOT NULL, status varchar(50) DEFAULT 'initializing', progress integer DEFAULT 0,
    processed integer DEFAULT 0, total_calls integer, config jsonb, metrics jsonb, insights jsonb, patterns jsonb,
    error_message text, started_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now(), completed_at
    timestamp, agency_id uuid, PRIMARY KEY (id)
);

CREATE TABLE IF NOT EXISTS discovery_calls (
    id serial, session_id uuid NOT NULL, call_id text NOT NULL, lead_id text NOT NULL, user_id text, user_name text,
    campaign text, status text, call_length integer, call_type text, started_at timestamptz, processing_status
    varchar(20) DEFAULT 'pending', recording_url text, transcript text, analysis jsonb, error_message text, attempts
    integer DEFAULT 0, created_at timestamptz DEFAULT now(), processed_at timestamptz, PRIMARY KEY (id), UNIQUE
    (session_id, call_id)
);

CREATE TABLE IF NOT EXISTS retention_runs (
    id serial, policy_id integer, started_at timestamp DEFAULT now(), completed_at timestamp, transcripts_masked
    integer DEFAULT 0, transcripts_deleted integer DEFAULT 0, analyses_deleted integer DEFAULT 0, events_deleted
    integer DEFAULT 0, audio_urls_cleared integer DEFAULT 0, error text, status text DEFAULT 'running', PRIMARY KEY
    (id)
);

CREATE TABLE IF NOT EXISTS convoso_sync_status (
    id serial, sync_type text NOT NULL, started_at timestamptz DEFAULT now(), completed_at timestamptz, from_date
    timestamptz, to_date timestamptz, records_processed integer DEFAULT 0, records_inserted integer DEFAULT 0,
    records_updated integer DEFAULT 0, records_failed integer DEFAULT 0, error_message text, metadata jsonb DEFAULT
    '{}', PRIMARY KEY (id)
);
