//! Types of fields, and the check of a value against them.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::error::{BodyError, Within};

/// What a field may hold. `null` is allowed everywhere; where a value is needed, [`Kind::required`] says so.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A hyphenated UUID.
    Id,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A network: `address/length`, or one address.
    Cidr,
    /// A whole number in a range, both ends included.
    Int(i64, i64),
    /// Any number.
    Number,
    /// A text.
    Text,
    /// A text that is not empty.
    Word,
    /// A list of scalars.
    ListOf(&'static Type),
    /// An object with any keys.
    Map,
    /// A flavor or availability zone: its settings in a create, its name in a delete.
    Profile,
    /// An Octavia object.
    Object(&'static Kind),
    /// A list of Octavia objects.
    Objects(&'static Kind),
    /// Not looked at: it may hold keys and certificates.
    Secret,
}

/// A transport port.
pub const PORT: Type = Type::Int(1, 65535);
/// A member's weight.
pub const WEIGHT: Type = Type::Int(0, 256);
/// Seconds or a count that the model keeps as `u32`.
pub const U32: Type = Type::Int(0, u32::MAX as i64);
/// Any whole number.
pub const INT: Type = Type::Int(i64::MIN, i64::MAX);

/// Octavia's default of an option that is carried as an extra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// Nothing.
    Null,
    /// A number.
    Int(i64),
    /// A text.
    Text(&'static str),
    /// False.
    False,
    /// An empty list or object.
    Empty,
}

impl Default {
    /// Whether a value is this default; `null` always is.
    pub fn is(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null) => true,
            (Self::Int(default), Value::Number(number)) => number.as_i64() == Some(default),
            (Self::Text(default), Value::String(text)) => text == default,
            (Self::False, Value::Bool(value)) => !value,
            (Self::Empty, Value::Array(list)) => list.is_empty(),
            (Self::Empty, Value::Object(map)) => map.is_empty(),
            _ => false,
        }
    }
}

/// One field of an Octavia object.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// octavia-lib's name.
    pub name: &'static str,
    /// What it may hold.
    pub ty: Type,
    /// For an option that the model carries in `extra`: Octavia's default.
    pub extra: Option<Default>,
}

/// One kind of Octavia object: octavia-lib's data model.
#[derive(Debug)]
pub struct Kind {
    /// Name of its schema.
    pub name: &'static str,
    /// Its own id.
    pub id: Option<&'static str>,
    /// The id of what it is in.
    pub parent: Option<&'static str>,
    /// What a create needs besides.
    pub needs: &'static [&'static str],
    /// All fields.
    pub fields: &'static [FieldSpec],
}

/// In which role an object stands in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The object of a create.
    Create,
    /// Inside the object of a create: its parent may be understood.
    Child,
    /// The changed fields of an update, and its id.
    New,
    /// The object of a delete: ids are needed.
    Delete,
    /// For information.
    Old,
    /// All types are checked, nothing is needed: for a call that is refused whatever it says.
    Loose,
}

impl Form {
    fn inner(self) -> Self {
        match self {
            Self::Create | Self::Child | Self::New => Self::Child,
            Self::Delete | Self::Old => Self::Old,
            Self::Loose => Self::Loose,
        }
    }
}

impl Kind {
    /// The fields that have to hold a value.
    pub fn required(&self, form: Form) -> impl Iterator<Item = &'static str> + '_ {
        let id = self.id.filter(|_| !matches!(form, Form::Old | Form::Loose));
        let parent = self.parent.filter(|_| matches!(form, Form::Create | Form::Delete));
        let needs: &[_] = if matches!(form, Form::Create | Form::Child) { self.needs } else { &[] };
        id.into_iter().chain(parent).chain(needs.iter().copied())
    }

    /// Checks an object: what is required is there, and what is there has its type.
    pub(crate) fn check(&self, map: &Map<String, Value>, form: Form) -> Result<(), BodyError> {
        for name in self.required(form) {
            if map.get(name).is_none_or(Value::is_null) {
                return Err(BodyError::missing(name));
            }
        }
        // Of an object that is on its way out, or only for information, nothing but ids is used: whatever Octavia puts
        // into the rest must not make it impossible to delete.
        let ids_only = matches!(form, Form::Delete | Form::Old);
        let is_id = |field: &FieldSpec| [self.id, self.parent].contains(&Some(field.name));
        for field in self.fields.iter().filter(|field| !ids_only || is_id(field)) {
            if let Some(value) = map.get(field.name) {
                field.ty.check(value, form.inner()).within(field.name)?;
            }
        }
        Ok(())
    }
}

impl Type {
    /// What it is, for messages.
    pub fn words(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Id => "a UUID".to_owned(),
            Self::Ip => "an IP address".to_owned(),
            Self::Cidr => "a network such as 192.0.2.0/24".to_owned(),
            Self::Int(i64::MIN, i64::MAX) => "a whole number".to_owned(),
            Self::Int(low, high) => format!("a whole number from {low} to {high}"),
            Self::Number => "a number".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Word => "a text that is not empty".to_owned(),
            Self::ListOf(_) | Self::Objects(_) => "a list".to_owned(),
            Self::Map | Self::Object(_) => "an object".to_owned(),
            Self::Profile => "an object or a name".to_owned(),
            Self::Secret => "anything".to_owned(),
        }
    }

    /// Checks a value; `form` is for the objects in it.
    pub(crate) fn check(&self, value: &Value, form: Form) -> Result<(), BodyError> {
        let good = match (self, value) {
            (Self::Secret, _) | (_, Value::Null) => true,
            (Self::Object(kind), Value::Object(map)) => return kind.check(map, form),
            (Self::Objects(kind), Value::Array(list)) => {
                for (index, item) in list.iter().enumerate() {
                    let map = item.as_object().ok_or_else(|| BodyError::wrong_type("an object", item));
                    map.and_then(|map| kind.check(map, form)).at(index)?;
                }
                true
            }
            (Self::ListOf(ty), Value::Array(list)) => {
                for (index, item) in list.iter().enumerate() {
                    if item.is_null() {
                        return Err(BodyError::wrong_type(ty.words(), item)).at(index);
                    }
                    ty.check(item, form).at(index)?;
                }
                true
            }
            (Self::Bool, Value::Bool(_))
            | (Self::Number, Value::Number(_))
            | (Self::Map | Self::Profile, Value::Object(_))
            | (Self::Text | Self::Profile, Value::String(_)) => true,

            (Self::Int(low, high), Value::Number(number)) => {
                number.as_i64().is_some_and(|number| (*low..=*high).contains(&number))
            }
            (Self::Word, Value::String(text)) => !text.is_empty(),
            // All ids have one form; which object they name does not matter here.
            (Self::Id, Value::String(text)) => text.parse::<weir_model::LoadBalancerId>().is_ok(),
            (Self::Ip, Value::String(text)) => text.parse::<IpAddr>().is_ok(),
            (Self::Cidr, Value::String(text)) => is_cidr(text),
            _ => false,
        };
        match (good, self, value) {
            (true, ..) => Ok(()),
            (false, Self::Ip | Self::Cidr, Value::String(text)) if is_scoped(text) => {
                Err(BodyError::scoped_address(value))
            }
            _ => Err(BodyError::wrong_type(self.words(), value)),
        }
    }
}

/// Whether a text is an IPv6 address with a zone, such as `fe80::1%eth0`, or a network of such an address. Octavia takes it for
/// an address; it names an interface of one machine, which OVN cannot know.
fn is_scoped(text: &str) -> bool {
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    address.split_once('%').is_some_and(|(address, _)| address.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_cidr(text: &str) -> bool {
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.is_none_or(|length| {
        length.bytes().all(|byte| byte.is_ascii_digit()) && length.parse::<u8>().is_ok_and(|n| n <= most)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_whole_and_in_range() {
        for good in [json!(1), json!(65535), json!(null)] {
            PORT.check(&good, Form::Create).unwrap();
        }
        for bad in [json!(0), json!(65536), json!(-1), json!(80.0), json!("80"), json!(true), json!([80])] {
            assert!(PORT.check(&bad, Form::Create).is_err(), "{bad}");
        }
        assert!(WEIGHT.check(&json!(256), Form::Create).is_ok());
        assert!(WEIGHT.check(&json!(257), Form::Create).is_err());
    }

    #[test]
    fn networks() {
        for good in ["192.0.2.0/24", "192.0.2.1", "2001:db8::/32", "0.0.0.0/0", "::/0", "::1/128"] {
            assert!(is_cidr(good), "{good}");
        }
        for bad in [
            "",
            "/24",
            "192.0.2.0/",
            "192.0.2.0/33",
            "::/129",
            "192.0.2.0/+8",
            "192.0.2/24",
            "a/8",
            "1.2.3.4/8/8",
        ] {
            assert!(!is_cidr(bad), "{bad}");
        }
    }

    #[test]
    fn defaults() {
        assert!(Default::Int(-1).is(&json!(-1)));
        assert!(!Default::Int(-1).is(&json!(200)));
        assert!(Default::Empty.is(&json!({})) && Default::Empty.is(&json!([])));
        assert!(!Default::Empty.is(&json!({"a": "b"})));
        for default in [Default::Null, Default::Int(1), Default::Text("NONE"), Default::False, Default::Empty]
        {
            assert!(default.is(&Value::Null));
        }
    }
}
