//! The tables. Diesel checks statements against them; [`TABLES`] describes them to code that treats all tables in the same way.

use diesel::sql_types;

/// What `auth-server export` reads and `auth-server import` writes.
pub struct TableDescription {
    pub name: &'static str,
    /// Names of the fields of the primary key.
    key: &'static [&'static str],
    pub columns: &'static [Column],
}

pub struct Column {
    /// In Rust. The name in SQL may differ.
    field: &'static str,
    pub name: &'static str,
    pub kind: Kind,
}

/// The type of a column. Each can be NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    BigInt,
    Integer,
    Bool,
    Binary,
    Timestamp,
}

impl TableDescription {
    /// The indexes of the columns of the primary key.
    pub fn key(&self) -> impl Iterator<Item = usize> {
        self.key.iter().filter_map(|key| self.columns.iter().position(|column| column.field == *key))
    }
}

trait HasKind {
    const KIND: Kind;
}

impl<T: HasKind + sql_types::SingleValue> HasKind for sql_types::Nullable<T>
where
    T: sql_types::SqlType<IsNull = sql_types::is_nullable::NotNull>,
{
    const KIND: Kind = T::KIND;
}

macro_rules! kinds {
    ($($kind:ident)+) => {
        $(impl HasKind for sql_types::$kind {
            const KIND: Kind = Kind::$kind;
        })+
    };
}
kinds! { Text BigInt Integer Bool Binary Timestamp }

macro_rules! tables {
    ($($table:ident ($($key:ident),+) {
        $($(#[sql_name = $name:tt])? $field:ident -> $type:ident $(<$inner:ident>)?,)+
    })+) => {
        $(diesel::table! {
            $table ($($key),+) { $($(#[sql_name = $name])? $field -> $type $(<$inner>)?,)+ }
        })+

        /// All tables. A table comes after those that its foreign keys refer to.
        pub const TABLES: &[TableDescription] = &[$(TableDescription {
            name: stringify!($table),
            key: &[$(stringify!($key)),+],
            columns: &[$(Column {
                field: stringify!($field),
                name: [$($name,)? stringify!($field)][0],
                kind: <sql_types::$type $(<sql_types::$inner>)? as HasKind>::KIND,
            }),+],
        }),+];
    };
}

tables! {
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
        email_verified_at -> Nullable<Timestamp>,
        locale -> Nullable<Text>,
        second_factor -> Bool,
        factor_failures -> Integer,
        factor_failed_at -> Nullable<Timestamp>,
        recovery_salt -> Nullable<Binary>,
    }

    event_counts (day, kind) {
        day -> Text,
        #[sql_name = "type"]
        kind -> Text,
        count -> BigInt,
    }

    event_counter (id) {
        id -> Integer,
        counted_up_to -> BigInt,
        seen_id -> BigInt,
        seen_at -> Timestamp,
        hours_until -> Timestamp,
    }

    row_counts (name) {
        name -> Text,
        count -> Nullable<BigInt>,
        counted_at -> Nullable<Timestamp>,
        due_at -> Timestamp,
    }

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
        amr -> Text,
    }

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

    password_failures (account, place) {
        account -> Text,
        place -> Text,
        failures -> Integer,
        first_at -> Timestamp,
        last_at -> Timestamp,
    }

    familiar_places (user_id, place) {
        user_id -> Text,
        place -> Text,
        last_login_at -> Timestamp,
    }

    guards (name) {
        name -> Text,
        taken -> BigInt,
    }

    revocations (seq) {
        seq -> BigInt,
        kind -> Text,
        subject -> Text,
        version -> Nullable<BigInt>,
        at -> Timestamp,
    }

    revocation_counter (id) {
        id -> Integer,
        epoch -> Text,
        seq -> BigInt,
    }

    proofs (id) {
        id -> Text,
        purpose -> Text,
        email -> Text,
        user_id -> Nullable<Text>,
        user_version -> Nullable<BigInt>,
        continuation_hash -> Nullable<Binary>,
        key_id -> Text,
        data -> Text,
        attempts -> Integer,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        code_until -> Nullable<Timestamp>,
        used_at -> Nullable<Timestamp>,
        void_at -> Nullable<Timestamp>,
    }

    servers (id) {
        id -> Text,
        host -> Text,
        version -> Text,
        settings -> Text,
        started_at -> Timestamp,
        seen_at -> Timestamp,
        own_time -> Nullable<Timestamp>,
        can_sign -> Bool,
        mail -> Nullable<Text>,
    }

    mails (id) {
        id -> Text,
        kind -> Text,
        recipient -> Text,
        user_id -> Nullable<Text>,
        proof_id -> Nullable<Text>,
        requester -> Text,
        locale -> Text,
        data -> Text,
        created_at -> Timestamp,
        due_at -> Timestamp,
        expires_at -> Timestamp,
        attempts -> Integer,
        lease -> Nullable<Text>,
        leased_until -> Nullable<Timestamp>,
        sent_at -> Nullable<Timestamp>,
        failed_at -> Nullable<Timestamp>,
        outcome -> Nullable<Text>,
    }

    login_challenges (hash) {
        hash -> Binary,
        kind -> Text,
        user_id -> Text,
        user_version -> BigInt,
        amr -> Text,
        attempts -> Integer,
        created_at -> Timestamp,
        expires_at -> Timestamp,
    }

    totp_factors (id) {
        id -> Text,
        user_id -> Text,
        name -> Text,
        secret -> Binary,
        encryption_key_id -> Text,
        algorithm -> Text,
        digits -> Integer,
        period -> Integer,
        last_step -> BigInt,
        created_at -> Timestamp,
        confirmed_at -> Nullable<Timestamp>,
        last_used_at -> Nullable<Timestamp>,
    }

    recovery_codes (user_id, hash) {
        user_id -> Text,
        hash -> Binary,
        used_at -> Nullable<Timestamp>,
    }

    passkeys (id) {
        id -> Text,
        user_id -> Text,
        credential_id -> Binary,
        public_key -> Binary,
        algorithm -> Integer,
        sign_count -> BigInt,
        user_verified -> Bool,
        backup_eligible -> Bool,
        backed_up -> Bool,
        discoverable -> Bool,
        transports -> Text,
        aaguid -> Binary,
        name -> Text,
        created_at -> Timestamp,
        last_used_at -> Nullable<Timestamp>,
    }

    spent_challenges (hash) {
        hash -> Binary,
        expires_at -> Timestamp,
    }
}
