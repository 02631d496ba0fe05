//! The installation from outside: the program itself, with a data directory or a database of its own.

mod bed;
mod canary;
mod client;
mod companions;
mod crash;
mod databases;
mod demo;
mod documents;
mod hooks;
mod keys;
mod outage;
mod process;
mod refusals;
mod scratch;
mod staff;
