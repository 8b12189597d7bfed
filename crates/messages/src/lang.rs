//! The language of the user.

use okibi_config::LangChoice;

/// A language that Okibi speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Japanese.
    Ja,
}

impl Lang {
    /// Both languages.
    pub const ALL: [Self; 2] = [Self::En, Self::Ja];

    /// Returns the chosen language. `Auto` uses the language of the OS: Japanese if it is the first choice, else
    /// English.
    pub fn detect(choice: LangChoice) -> Self {
        match choice {
            LangChoice::En => Self::En,
            LangChoice::Ja => Self::Ja,
            LangChoice::Auto => Self::of_locale(sys_locale::get_locale().as_deref()),
        }
    }

    /// Returns the language of a sentence of ours, told by its script: Japanese ones have kana or kanji.
    pub fn of(sentence: &str) -> Self {
        let is_japanese = |letter| matches!(letter, '\u{3041}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}');
        // Names of files may be Japanese in either language; the end of a sentence is not one.
        match sentence.contains('。') || sentence.chars().rev().take(8).any(is_japanese) {
            true => Self::Ja,
            false => Self::En,
        }
    }

    fn of_locale(locale: Option<&str>) -> Self {
        let language = locale.and_then(|locale| locale.split(['-', '_', '.']).next());
        match language {
            Some(language) if language.eq_ignore_ascii_case("ja") => Self::Ja,
            _ => Self::En,
        }
    }

    /// Returns the setting that leads to this language.
    pub const fn choice(self) -> LangChoice {
        match self {
            Self::En => LangChoice::En,
            Self::Ja => LangChoice::Ja,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_japanese_locale_is_japanese_and_all_others_english() {
        for (locale, lang) in [
            ("ja-JP", Lang::Ja),
            ("ja", Lang::Ja),
            ("ja_JP.UTF-8", Lang::Ja),
            ("en-US", Lang::En),
            ("C", Lang::En),
            ("jam-JM", Lang::En),
        ] {
            assert_eq!(Lang::of_locale(Some(locale)), lang, "{locale}");
        }
        assert_eq!(Lang::of_locale(None), Lang::En);
        assert_eq!(Lang::of("The model /home/me/モデル is broken."), Lang::En);
        assert_eq!(Lang::of("デーモンの準備ができていません。"), Lang::Ja);
        assert_eq!(Lang::detect(LangChoice::Ja), Lang::Ja);
    }
}
