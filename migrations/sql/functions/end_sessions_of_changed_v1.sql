-- Trigger before a person's row gets another role or company: what they have open ends, as after a new password.
CREATE OR REPLACE FUNCTION end_sessions_of_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.session_epoch := greatest(NEW.session_epoch, OLD.session_epoch + 1);
    RETURN NEW;
END
$$;
