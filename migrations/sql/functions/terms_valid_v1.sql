-- Whether terms keep to the bounds of `tusker.domain.terms.Terms`, for the CHECK of each table that has them.
-- One function, whose text is read once a connection: a CHECK's own text is read by each statement that writes a row.
CREATE OR REPLACE FUNCTION terms_valid(
    advance_rate numeric, apr numeric, tenor_days int, day_count text, interest_method text, fee_flat bigint,
    fee_rate numeric, grace_days int, penal_rate numeric, interest_timing text, fee_min bigint, fee_max bigint,
    recourse_days int, due_convention text, collection text
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN advance_rate > 0 AND advance_rate <= 1
        AND apr BETWEEN 0 AND 1
        AND penal_rate BETWEEN 0 AND 1
        AND tenor_days BETWEEN 1 AND 730
        AND grace_days BETWEEN 0 AND 90
        AND fee_flat >= 0 AND fee_rate BETWEEN 0 AND 0.2
        AND fee_min >= 0 AND (fee_max IS NULL OR fee_max >= fee_min)
        AND (recourse_days IS NULL OR recourse_days BETWEEN 0 AND 365)
        AND day_count IN ('ACT/365F', 'ACT/360', '30/360')
        AND interest_method IN ('simple', 'daily_compound_360')
        AND interest_timing IN ('arrears', 'upfront')
        AND due_convention IN ('none', 'following', 'modified_following')
        AND collection IN ('debt', 'invoice');
END
$$;
