use domain::{catalogue::Catalogue, money::Currency};
use proptest::prelude::*;

use super::{demo, generated::catalogue};
use crate::{read, write};

#[test]
fn an_empty_catalogue_is_one_line() {
    let empty = Catalogue::empty(Currency::EUR);
    assert_eq!(write(&empty), "currency = \"EUR\"\n");
    assert_eq!(read(&write(&empty)), Ok(empty));
}

#[test]
fn the_demo_is_written_as_it_was_read() {
    assert_eq!(read(&write(&demo())), Ok(demo()));
}

#[test]
fn a_name_is_written_so_that_toml_reads_it() {
    let mut catalogue = demo();
    catalogue.tariffs[0].name = "\"C:\\temp\" 'x' # не комментарий".to_owned();
    assert_eq!(read(&write(&catalogue)), Ok(catalogue));
}

proptest! {
    #[test]
    fn what_is_written_is_read(catalogue in catalogue()) {
        prop_assert_eq!(read(&write(&catalogue)), Ok(catalogue));
    }

    #[test]
    fn no_text_is_too_strange_to_read(text in ".*") {
        if let Err(mistakes) = read(&text) {
            prop_assert!(!mistakes.is_empty());
        }
    }

    /// A file that is cut off or has a byte too many is read, or its mistakes are told; there is no third way.
    #[test]
    fn a_damaged_file_is_read_or_refused(at in 0..3000_usize, junk in "[\\[\\]{}=\",#\n0-9a-z.-]{0,4}", cut in any::<bool>()) {
        let file = write(&demo());
        let at = at % file.len();
        prop_assume!(file.is_char_boundary(at));
        let (head, tail) = file.split_at(at);
        let damaged = if cut { format!("{head}{junk}") } else { format!("{head}{junk}{tail}") };
        if let Err(mistakes) = read(&damaged) {
            prop_assert!(!mistakes.is_empty());
            prop_assert!(mistakes.iter().all(|m| (1..=damaged.lines().count() + 1).contains(&m.line)));
        }
    }
}
