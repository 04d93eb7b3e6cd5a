//! The libuv driver of an environment, if there is one.

use crate::net::{Arrival, Settings, libuv::Driver};
use std::{cell::RefCell, rc::Rc};

/// Calls of the driver do nothing where there is none.
#[derive(Default)]
pub(super) struct InLoop {
    driver: RefCell<Option<Rc<Driver>>>,
}

impl InLoop {
    pub fn set(&self, driver: Rc<Driver>) {
        *self.driver.borrow_mut() = Some(driver);
    }

    /// Takes the driver, to shut it down.
    pub fn take(&self) -> Option<Rc<Driver>> {
        self.driver.borrow_mut().take()
    }

    pub fn is_running(&self) -> bool {
        self.driver.borrow().is_some()
    }

    pub fn adopt(&self, arrival: &mut Arrival) {
        self.with(|driver| driver.adopt(arrival));
    }

    pub fn arm(&self, deadline: u64) {
        self.with(|driver| driver.arm(deadline));
    }

    /// See [`Driver::will_sleep`].
    pub fn will_sleep(&self) -> bool {
        self.driver.borrow().as_ref().is_none_or(|driver| driver.will_sleep())
    }

    /// See [`Driver::active`].
    pub fn active(&self, settings: &Settings) {
        self.with(|driver| driver.active(settings));
    }

    /// See [`Driver::heard`].
    pub fn heard(&self, settings: &Settings) {
        self.with(|driver| driver.heard(settings));
    }

    pub fn touched(&self, conn: u32) {
        self.with(|driver| driver.touched(conn));
    }

    /// Calls `act` with the driver.
    pub fn with(&self, act: impl FnOnce(&Driver)) {
        let driver = self.driver.borrow().clone();
        if let Some(driver) = driver {
            act(&driver);
        }
    }
}
