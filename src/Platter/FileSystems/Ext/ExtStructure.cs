namespace Platter.FileSystems.Ext;

/// <summary>What a block is: put into words only when a message needs them.</summary>
/// <param name="kind">The structure's name.</param>
/// <param name="number">Whose it is; below 0: the name says it all.</param>
/// <param name="block">Which block of it; below 0: it has but one.</param>
/// <param name="rest">What follows.</param>
internal readonly struct ExtStructure(string kind, long number = -1, long block = -1, string rest = "")
{
    public static implicit operator ExtStructure(string kind) => new(kind);

    public override string ToString() => (number < 0 ? kind : block < 0 ? kind + " " + number : kind + " " + number + ", block " + block) + rest;
}
