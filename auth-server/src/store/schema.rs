diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        username -> Nullable<Text>,
        name -> Nullable<Text>,
        password_hash -> Text,
        roles -> Text,
        claims -> Text,
        version -> BigInt,
        disabled_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        last_login_at -> Nullable<Timestamp>,
        deleted_at -> Nullable<Timestamp>,
        temporary_password_expires_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> Text,
        client_id -> Text,
        generation -> BigInt,
        secret_hash -> Binary,
        rotated_at -> Timestamp,
        idempotency_key_hash -> Nullable<Binary>,
        redeliveries -> Integer,
        delivery -> Text,
        remember -> Bool,
        auth_time -> Timestamp,
        created_at -> Timestamp,
        idle_expires_at -> Timestamp,
        expires_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        end_reason -> Nullable<Text>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}

diesel::table! {
    signing_keys (ordinal) {
        ordinal -> Integer,
        kid -> Text,
        algorithm -> Text,
        public_jwk -> Text,
        private_key -> Binary,
        encryption_key_id -> Text,
        created_at -> Timestamp,
        active_from -> Timestamp,
        needed_until -> Nullable<Timestamp>,
        retired_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    events (id) {
        id -> BigInt,
        at -> Timestamp,
        #[sql_name = "type"]
        kind -> Text,
        user_id -> Nullable<Text>,
        session_id -> Nullable<Text>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        details -> Text,
        occurrences -> Integer,
        counted_as -> Nullable<Text>,
    }
}

diesel::table! {
    password_failures (account, place) {
        account -> Text,
        place -> Text,
        failures -> Integer,
        first_at -> Timestamp,
        last_at -> Timestamp,
    }
}

diesel::table! {
    familiar_places (user_id, place) {
        user_id -> Text,
        place -> Text,
        last_login_at -> Timestamp,
    }
}

diesel::table! {
    guards (name) {
        name -> Text,
        taken -> BigInt,
    }
}

diesel::table! {
    revocations (seq) {
        seq -> BigInt,
        kind -> Text,
        subject -> Text,
        version -> Nullable<BigInt>,
        at -> Timestamp,
    }
}

diesel::table! {
    revocation_counter (id) {
        id -> Integer,
        epoch -> Text,
        seq -> BigInt,
    }
}
