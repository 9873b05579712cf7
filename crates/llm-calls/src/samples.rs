//! Conversations whose rendering shows how a template prints calls: words that stand nowhere else, at the places
//! that matter.

use llm_prompt::{ChatTemplate, Conversation, MarkupTexts, Message};
use serde_json::{Map, Value, json};

use crate::learn::up_to_mark;

/// What the user says.
const USER: &str = "Umbrella?";

/// What the assistant says beside its calls.
pub(crate) const SAID: &str = "Quagmire.";

/// A call of a tool.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub name: &'static str,
    pub id: &'static str,
    pub arguments: Map<String, Value>,
}

impl Sample {
    pub(crate) fn first(arguments: &[(&str, Value)]) -> Self {
        Self {
            name: "zeta_fn",
            id: "idAbcd001",
            arguments: map(arguments),
        }
    }

    pub(crate) fn second(arguments: &[(&str, Value)]) -> Self {
        Self {
            name: "theta_fn",
            id: "idEfgh002",
            arguments: map(arguments),
        }
    }

    fn json(&self, is_text: bool) -> Value {
        let arguments = Value::from(self.arguments.clone());
        let arguments = if is_text {
            arguments.to_string().into()
        } else {
            arguments
        };
        json!({"id": self.id, "type": "function",
            "function": {"name": self.name, "arguments": arguments}})
    }
}

fn map(arguments: &[(&str, Value)]) -> Map<String, Value> {
    let items = arguments.iter();
    items
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect()
}

/// Renders samples by one template.
pub(crate) struct Samples<'t> {
    pub template: &'t ChatTemplate,
    pub markup: MarkupTexts<'t>,
}

impl Samples<'_> {
    fn render(&self, messages: &[Message], is_prompt: bool) -> Option<String> {
        let parameters = json!({"type": "object", "properties": {
            "kappa_key": {"type": "string", "description": "k"},
            "lambda_key": {"type": "string", "description": "l"}}});
        let tool = |name: &str| {
            json!({"type": "function", "function":
                {"name": name, "description": "d", "parameters": parameters}})
        };
        let tools = json!([tool("zeta_fn"), tool("theta_fn")]);
        let mut conversation = Conversation::new(messages).with_tools(Some(tools));
        conversation.add_generation_prompt = is_prompt;
        self.template.render(&conversation, self.markup).ok()
    }

    /// Returns what a template prints of the assistant's turn alone, without its opening, and what follows.
    pub(crate) fn turn(&self, said: &str, calls: &[Sample]) -> Option<String> {
        let user = Message::new("user", USER);
        let prompt = self.render(std::slice::from_ref(&user), true);
        let forms = [
            (false, Some(said)),
            (true, Some(said)),
            (false, None),
            (true, None),
        ];
        let forms = forms
            .iter()
            .filter(|(_, content)| content.is_some() || said.is_empty());
        let mut rendered = forms.filter_map(|(is_text, content)| {
            let mut turn = Message::new("assistant", "");
            turn.content = content.map(str::to_owned);
            if !calls.is_empty() {
                let calls: Vec<_> = calls.iter().map(|call| call.json(*is_text)).collect();
                turn.fields.insert("tool_calls".to_owned(), calls.into());
            }
            self.render(&[user.clone(), turn], false)
        });
        // A call without arguments that are told shows nothing.
        let is_whole = |text: &String| {
            let mut words = calls.iter().flat_map(|call| call.arguments.keys());
            words.all(|word| text.contains(word.as_str()))
                && calls
                    .iter()
                    .all(|call| text.contains(call.name) || text.contains(call.id))
        };
        let text = rendered.find(is_whole)?;
        let asked = text.rfind(USER)? + USER.len();
        let shared = prompt.map_or(0, |prompt| common_prefix(&prompt, &text));
        let shared = up_to_mark(&text, shared).len();
        Some(text[shared.max(asked)..].to_owned())
    }
}

/// Returns how many bytes two texts have in common at their beginning.
pub(crate) fn common_prefix(one: &str, other: &str) -> usize {
    let pairs = one.char_indices().zip(other.chars());
    let mut pairs = pairs.skip_while(|((_, a), b)| a == b);
    pairs
        .next()
        .map_or(one.len().min(other.len()), |((at, _), _)| at)
}

/// The same at their end.
pub(crate) fn common_suffix(one: &str, other: &str) -> usize {
    let pairs = one.chars().rev().zip(other.chars().rev());
    let pairs = pairs.take_while(|(a, b)| a == b);
    pairs.map(|(a, _)| a.len_utf8()).sum()
}
