//! The account and server API on /json.php.
