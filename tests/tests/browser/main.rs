//! The inbox in a real browser: Chromium without a window, driven over WebDriver (<https://www.w3.org/TR/webdriver2/>).
//!
//! What is looked at is what a person sees: the page of a running stack, changed by nothing but the stack itself and by clicks and keys.
//! Screenshots of the release's states are left in `target/screenshots/`. They are compared with nothing but themselves and the colours that
//! the message asked for: fonts differ from machine to machine.

mod chrome;
mod page;
mod pixels;
mod release;
mod typed;
mod webdriver;
