namespace Platter.FileSystems.Ext;

/// <summary>The three words of features, as one value.</summary>
internal readonly record struct ExtFeatureSet(ExtCompat Compat, ExtIncompat Incompat, ExtRoCompat RoCompat)
{
    public bool Has(ExtCompat feature) => (Compat & feature) != 0;

    public bool Has(ExtIncompat feature) => (Incompat & feature) != 0;

    public bool Has(ExtRoCompat feature) => (RoCompat & feature) != 0;

    /// <summary>Whether group descriptors have checksums, by either feature.</summary>
    public bool HasDescriptorChecksums => Has(ExtRoCompat.GdtChecksum | ExtRoCompat.MetadataChecksum);

    public ExtFeatureSet With(ExtFeatureSet more) => new(Compat | more.Compat, Incompat | more.Incompat, RoCompat | more.RoCompat);

    public ExtFeatureSet Without(ExtFeatureSet less) => new(Compat & ~less.Compat, Incompat & ~less.Incompat, RoCompat & ~less.RoCompat);

    public static implicit operator ExtFeatureSet(ExtCompat feature) => new(feature, 0, 0);

    public static implicit operator ExtFeatureSet(ExtIncompat feature) => new(0, feature, 0);

    public static implicit operator ExtFeatureSet(ExtRoCompat feature) => new(0, 0, feature);

    /// <summary>Changes features as <c>mke2fs -O</c> does: names between commas; <c>^</c> or <c>-</c> takes one away, <c>none</c> all.</summary>
    /// <param name="edits">The text.</param>
    /// <param name="allowed">What may be named.</param>
    /// <exception cref="ArgumentException">A name is not known.</exception>
    /// <exception cref="UnsupportedFeatureException">A feature is not among the allowed ones.</exception>
    public ExtFeatureSet Edited(string edits, ExtFeatureSet allowed)
    {
        var set = this;
        foreach (var word in edits.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries))
        {
            if (word is "none" or "clear")
            {
                set = default;
                continue;
            }
            var takeAway = word[0] is '^' or '-';
            var name = word.TrimStart('^', '-', '+');
            if (ExtFeatures.Find(name) is not { } feature)
                throw new ArgumentException($"the option features names '{name}', which is no feature of ext");
            if (feature.Without(allowed) != default)
                throw new UnsupportedFeatureException($"a volume cannot be made with or without the feature {name}");
            set = takeAway ? set.Without(feature) : set.With(feature);
        }
        return set;
    }
}
