//! The sizes of a server, as they stand in its row.

use diesel::{QueryableByName, sql_types};
use domain::{catalogue::ImageId, orders::ServerSpec};

use crate::db::Error;

/// The sizes of a server; all null for an order without one.
#[derive(Debug, QueryableByName)]
pub(crate) struct Sizes {
    #[diesel(sql_type = sql_types::Nullable<sql_types::Integer>)]
    cpu_ghz: Option<i32>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Integer>)]
    ram_mb: Option<i32>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Integer>)]
    disk_gb: Option<i32>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Integer>)]
    bandwidth_mbps: Option<i32>,
}

impl Sizes {
    /// The server with an image on it; `None` for an order without one.
    pub(crate) fn server(&self, image: Option<&str>) -> Result<Option<ServerSpec>, Error> {
        let (Some(cpu), Some(ram), Some(disk), Some(bandwidth)) =
            (self.cpu_ghz, self.ram_mb, self.disk_gb, self.bandwidth_mbps)
        else {
            return Ok(None);
        };
        let size = |value: i32| u32::try_from(value).map_err(Error::corrupt);
        Ok(Some(ServerSpec {
            cpu_ghz: size(cpu)?,
            ram_mb: size(ram)?,
            disk_gb: size(disk)?,
            bandwidth_mbps: size(bandwidth)?,
            image: image.map(|id| ImageId(id.to_owned())),
        }))
    }
}
