-- Where each verb puts its function, command -> answer, and what all of them go by.
-- Needs: values answers lapse memory
local verbs = {}
local rules = {}
