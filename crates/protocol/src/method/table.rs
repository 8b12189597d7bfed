//! The table of all methods.

use super::{
    activity::Activity,
    embed::{EmbedParams, EmbedResult, EmbedTextParams, EmbedTextResult},
    spec::{Method, NoParams},
    status::{InitState, Status, Stopping},
};
use crate::{
    guard::Right,
    json::field_names,
    models::{
        LoadModelParams, ModelDetails, ModelList, ModelParams, ModelStep, PullModelParams, RemovedModel,
        UnloadedModel,
    },
};

/// Declares each method as a type that implements [`Method`], and all of them as [`AnyMethod`].
///
/// `streamed` and `while_loading` are off where they are not named.
macro_rules! methods {
    ($(
        #[doc = $summary:literal]
        $method:ident = $name:literal: $params:ty => $output:ty, $right:ident $(, $flag:ident)*;
    )+) => {
        $(
            #[doc = $summary]
            #[derive(Clone, Copy, Debug)]
            pub struct $method;

            impl Method for $method {
                const NAME: &'static str = $name;
                const RIGHT: Right = Right::$right;
                const WHILE_LOADING: bool = flag!(while_loading: $($flag)*);
                const STREAMED: bool = flag!(streamed: $($flag)*);
                type Params = $params;
                type Output = $output;
            }
        )+

        /// One of Okibi's methods.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AnyMethod {
            $(#[doc = $summary] $method,)+
        }

        impl AnyMethod {
            /// Every method, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$method),+];

            /// The method with this name.
            pub fn find(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$method),)+
                    _ => None,
                }
            }

            /// Its name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Self::$method => $method::NAME),+ }
            }

            /// What it does, in one sentence.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$method => $summary.trim()),+ }
            }

            /// See [`Method::RIGHT`].
            pub fn right(self) -> Right {
                match self { $(Self::$method => $method::RIGHT),+ }
            }

            /// See [`Method::WHILE_LOADING`].
            pub fn while_loading(self) -> bool {
                match self { $(Self::$method => $method::WHILE_LOADING),+ }
            }

            /// See [`Method::STREAMED`].
            pub fn streamed(self) -> bool {
                match self { $(Self::$method => $method::STREAMED),+ }
            }

            /// The names of its parameters, in their order by position.
            pub fn parameters(self) -> &'static [&'static str] {
                match self { $(Self::$method => field_names::<$params>()),+ }
            }
        }
    };
}

macro_rules! flag {
    (while_loading: while_loading $($rest:ident)*) => { true };
    (streamed: streamed $($rest:ident)*) => { true };
    ($wanted:ident: $other:ident $($rest:ident)*) => { flag!($wanted: $($rest)*) };
    ($wanted:ident:) => { false };
}

methods! {
    /// Embeds texts.
    Embed = "embed": EmbedParams => EmbedResult, Use, streamed;
    /// Embeds one text as it is, for clients of the original daemon.
    EmbedText = "embed_text": EmbedTextParams => EmbedTextResult, Use;
    /// Returns the status of the server.
    GetStatus = "get_status": NoParams => Status, Use, while_loading;
    /// Returns who is connected, what waits, and what the last requests were, without their texts.
    GetActivity = "get_activity": NoParams => Activity, Use, while_loading;
    /// Returns whether the model is loaded.
    CheckInit = "check_init": NoParams => InitState, Use, while_loading;
    /// Returns the status, then sends each change of it as a notification.
    Subscribe = "subscribe": NoParams => Status, Use, while_loading;
    /// Ends the server.
    StopServer = "stop_server": NoParams => Stopping, Manage, while_loading;
    /// Lists the models on this machine, then the other known ones.
    ListModels = "list_models": NoParams => ModelList, Use;
    /// Returns what is known about a model, and where each fact was read.
    ModelInfo = "model_info": ModelParams => ModelDetails, Use;
    /// Loads a model and, unless `switch` is false, makes it the current one.
    LoadModel = "load_model": LoadModelParams => ModelStep, Manage, streamed;
    /// Takes a model out of memory.
    UnloadModel = "unload_model": ModelParams => UnloadedModel, Manage;
    /// Downloads the files of a model.
    PullModel = "pull_model": PullModelParams => ModelStep, Manage, streamed;
    /// Deletes the files of a model.
    RemoveModel = "remove_model": ModelParams => RemovedModel, Manage;
}
