namespace Platter.FileSystems.Ntfs;

/// <summary>What messages call an attribute: put together when there is something to say, and not for each that is opened.</summary>
internal readonly struct NtfsAttributeLabel
{
    private readonly string _text;      // all of it, or the attribute's name
    private readonly NtfsFile? _file;
    private readonly NtfsAttributeType _type;

    /// <summary>An attribute of a file.</summary>
    public NtfsAttributeLabel(NtfsFile file, NtfsAttributeType type, string name) => (_file, _type, _text) = (file, type, name);

    private NtfsAttributeLabel(string text) => _text = text;

    public static implicit operator NtfsAttributeLabel(string text) => new(text);

    public override string ToString() => _file is null ? _text : _file.Structure(_type, _text);
}
