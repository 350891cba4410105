pub(crate) mod environment;
pub(crate) mod layers;
pub(crate) mod problem;
pub(crate) mod properties;
pub(crate) mod rows;
pub(crate) mod setting;
pub(crate) mod table;
