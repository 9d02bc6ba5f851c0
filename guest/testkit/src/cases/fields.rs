//! The fields of an object, each by its kind; errors name the field.

use crate::json::Value;

/// An object of which every key is known.
pub(super) struct Fields<'a> {
    /// Where it stands in the case: empty, or ending in a dot.
    path: String,
    value: &'a Value,
}

impl<'a> Fields<'a> {
    pub fn of(path: &str, value: &'a Value, keys: &[&str]) -> Result<Fields<'a>, String> {
        let Value::Object(fields) = value else {
            let what = if path.is_empty() { "a case" } else { path };
            return Err(format!("{what} must be an object, not {}", value.kind()));
        };
        let path = if path.is_empty() { String::new() } else { format!("{path}.") };
        match fields.iter().find(|(key, _)| !keys.contains(&key.as_str())) {
            Some((key, _)) => Err(format!("there is no key {path}{key}; there are: {}", keys.join(", "))),
            None => Ok(Fields { path, value }),
        }
    }

    /// The full name of a field.
    pub fn name(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.value.get(key)
    }

    /// As `get`, but `null` is as good as nothing.
    pub fn some(&self, key: &str) -> Option<&'a Value> {
        self.get(key).filter(|v| **v != Value::Null)
    }

    fn wrong<T>(&self, key: &str, wanted: &str, value: &Value) -> Result<T, String> {
        Err(format!("{}{key} must be {wanted}, not {}", self.path, value.kind()))
    }

    pub fn text(&self, key: &str) -> Result<Option<&'a str>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => self.wrong(key, "a text", other),
        }
    }

    pub fn bool(&self, key: &str, default: bool) -> Result<bool, String> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(is)) => Ok(*is),
            Some(other) => self.wrong(key, "true or false", other),
        }
    }

    pub fn number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, String> {
        match self.some(key) {
            None => Ok(None),
            Some(Value::Number(number)) => match number.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => {
                    let most = (1u64 << (8 * size_of::<T>())) - 1;
                    Err(format!("{}{key} must be a whole number of 0 to {most}, not {number}", self.path))
                }
            },
            Some(other) => self.wrong(key, "a number", other),
        }
    }

    pub fn texts(&self, key: &str) -> Result<Option<Vec<String>>, String> {
        let Some(list) = self.list(key)? else { return Ok(None) };
        let text = |value: &Value| match value {
            Value::Text(text) => Ok(text.clone()),
            other => self.wrong(key, "a list of texts", other),
        };
        list.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    pub fn list(&self, key: &str) -> Result<Option<&'a [Value]>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(other) => self.wrong(key, "a list", other),
        }
    }

    /// An object of texts, as sorted pairs.
    pub fn pairs(&self, key: &str) -> Result<Vec<(String, String)>, String> {
        let Some(value) = self.get(key) else { return Ok(vec![]) };
        let Value::Object(fields) = value else { return self.wrong(key, "an object of texts", value) };
        let mut pairs = vec![];
        for (name, value) in fields {
            match value {
                Value::Text(text) => pairs.push((name.clone(), text.clone())),
                other => {
                    return self.wrong(&format!("{key}.{name}"), "a text (the host hands over texts)", other);
                }
            }
        }
        pairs.sort();
        Ok(pairs)
    }
}
