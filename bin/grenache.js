#!/usr/bin/env node
'use strict'

require('../lib/command')(process.argv.slice(2))
