//! Makes of the rows what reads from them: the settings that are asked for, those that were used, and
//! the table itself.

/// Defines [`Overrides`](super::Overrides), [`Sampling`](super::Sampling) and
/// [`SETTINGS`](super::SETTINGS).
///
/// A row is the documentation of the field that asks, its name, its type when asked for and when used,
/// the documentation of the field that was used, and the other fields of a [`Setting`](super::Setting).
/// The groups differ in where a record tells of them (`sampler`, then `limit`, `texts`, `more`), and
/// that of the last two a record leaves out what is empty or was not asked for.
macro_rules! settings {
    (
        limit { $($limit:tt)* }
        sampler { $($sampler:tt)* }
        texts { $($texts:tt)* }
        more { $($more:tt)* }
    ) => {
        settings_of_groups! { [$($limit)*] [$($sampler)*] [$($texts)*] [$($more)*] }
        settings_of_rows! { $($limit)* $($sampler)* $($texts)* $($more)* }
    };
}

/// Defines what tells the groups apart.
macro_rules! settings_of_groups {
    (
        [$(
            $(#[$_limit_doc:meta])*
            $limit:ident: $_limit_asked:ty => $limit_used:ty { used: $limit_doc:literal, $($_limit:tt)* }
        )*]
        [$(
            $(#[$_sampler_doc:meta])*
            $sampler:ident: $_sampler_asked:ty => $sampler_used:ty { used: $sampler_doc:literal, $($_sampler:tt)* }
        )*]
        [$(
            $(#[$_texts_doc:meta])*
            $texts:ident: $_texts_asked:ty => $texts_used:ty { used: $texts_doc:literal, $($_texts:tt)* }
        )*]
        [$(
            $(#[$_more_doc:meta])*
            $more:ident: $_more_asked:ty => $more_used:ty { used: $more_doc:literal, $($_more:tt)* }
        )*]
    ) => {
        /// The sampler's settings as they were used, defaults filled in.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct Sampling {
            /// Whether the best token was always taken; then only biases and penalties have any effect.
            pub greedy: bool,
            $(#[doc = $sampler_doc] pub $sampler: $sampler_used,)*
            $(#[doc = $limit_doc] pub $limit: $limit_used,)*
            $(
                #[doc = $texts_doc]
                #[serde(default, skip_serializing_if = "Vec::is_empty")]
                pub $texts: $texts_used,
            )*
            $(
                #[doc = $more_doc]
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $more: $more_used,
            )*
            /// What the answer had to look like, where that was asked for.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub structured_output: Option<StructuredOutput>,
        }

        impl Sampling {
            /// Returns the settings as a request asks for them.
            #[must_use]
            pub fn as_overrides(&self) -> Overrides {
                Overrides {
                    $($limit: UsedAs::asked(&self.$limit),)*
                    $($sampler: UsedAs::asked(&self.$sampler),)*
                    $($texts: UsedAs::asked(&self.$texts),)*
                    $($more: UsedAs::asked(&self.$more),)*
                    structured_output: self.structured_output.clone(),
                }
            }
        }

        impl Overrides {
            /// Checks the range of every setting; the sentence returned names the first that is wrong.
            ///
            /// # Errors
            /// A sentence that names the setting and its range.
            pub fn check(&self) -> Result<(), String> {
                $(check(self.$sampler.as_ref(), &row::$sampler)?;)*
                $(check(self.$limit.as_ref(), &row::$limit)?;)*
                $(check(self.$texts.as_ref(), &row::$texts)?;)*
                $(check(self.$more.as_ref(), &row::$more)?;)*
                Ok(())
            }
        }
    };
}

/// Defines what treats all rows alike.
macro_rules! settings_of_rows {
    ($(
        $(#[$doc:meta])*
        $name:ident: $asked:ty => $_used:ty { used: $_used_doc:literal, $($column:tt)* }
    )*) => {
        /// Sampling settings; `None` leaves a setting to whoever comes next (line, then flag, then model).
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct Overrides {
            $(
                $(#[$doc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $name: Option<$asked>,
            )*
            /// What the answer must look like.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub structured_output: Option<StructuredOutput>,
        }

        impl Overrides {
            /// Returns what an object sets, itself or in Ollama's `options`. `null` counts as absent.
            ///
            /// # Errors
            /// A sentence that names the field, when a value is of the wrong kind or out of range, or
            /// when two names of one setting (`max_tokens`, `n_predict`) say different things.
            pub fn of(fields: &Values) -> Result<Self, String> {
                let overrides = Self {
                    $($name: read(fields, &row::$name)?,)*
                    structured_output: None,
                };
                overrides.check()?;
                Ok(overrides)
            }

            /// Returns these settings with `others` in the places that are unset here. Labels to choose from
            /// and what an answer must look like are two ways to say one thing.
            #[must_use]
            pub fn or(&self, others: &Self) -> Self {
                let says_answer = self.choices.is_some() || self.structured_output.is_some();
                let theirs = others.structured_output.as_ref().filter(|_| !says_answer);
                let mut all = Self {
                    $($name: either(self.$name.as_ref(), others.$name.as_ref()),)*
                    structured_output: either(self.structured_output.as_ref(), theirs),
                };
                if self.structured_output.is_some() {
                    all.choices.clone_from(&self.choices);
                }
                all
            }

            /// Returns these settings with those of `base` in the places that are unset here. For a seed
            /// that is to be drawn, `base` has the one that was.
            #[must_use]
            pub fn over(&self, base: &Sampling) -> Sampling {
                let mut sampling = Sampling {
                    greedy: false,
                    $($name: over(self.$name.as_ref(), &base.$name, &row::$name),)*
                    structured_output: self.structured_output.clone().or_else(|| base.structured_output.clone()),
                };
                sampling.greedy = sampling.temperature <= 0.0;
                sampling.leave_out_idle();
                sampling
            }

            /// Adds settings that come later: texts to end at are added to those before, any other
            /// setting is replaced.
            pub fn extend(&mut self, later: Self) {
                $(
                    if let Some(value) = later.$name {
                        extend(&mut self.$name, value);
                    }
                )*
                if later.structured_output.is_some() {
                    self.structured_output = later.structured_output;
                }
            }
        }

        /// The rows by name.
        mod row {
            #![expect(non_upper_case_globals, reason = "a row has the name of its setting")]
            use super::{Domain, Flag, Interval, Neutral, Overrides, Setting, SettingValue};

            $(
                pub(super) const $name: Setting = Setting {
                    name: stringify!($name),
                    is_set: |settings| settings.$name.is_some(),
                    parse: |setting, text| {
                        let value = SettingValue::from_text(text, setting)?;
                        Ok(Overrides { $name: Some(value), ..Overrides::default() })
                    },
                    $($column)*
                };
            )*
        }

        /// All settings, in the order in which a request lists them.
        pub const SETTINGS: &[Setting] = &[$(row::$name),*];
    };
}
