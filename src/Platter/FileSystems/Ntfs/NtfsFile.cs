using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>One attribute, or one extent of it, of a file: what it is and in which record.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Name">Empty when it has none.</param>
/// <param name="LowestVcn">The first cluster of the extent.</param>
/// <param name="Record">Where it is.</param>
/// <param name="Instance">Which attribute there.</param>
internal readonly record struct NtfsPlace(NtfsAttributeType Type, string Name, long LowestVcn, NtfsReference Record, ushort Instance);

/// <summary>A file: its base record and, through the attribute list, those that hold the rest of its attributes.</summary>
internal sealed class NtfsFile
{
    private readonly BlockDevice _device;
    private readonly NtfsGeometry _geometry;
    private readonly NtfsMft _mft;
    private List<NtfsPlace>? _places;

    public NtfsFile(BlockDevice device, NtfsGeometry geometry, NtfsMft mft, NtfsRecord record)
    {
        _device = device;
        _geometry = geometry;
        _mft = mft;
        Base = record;
        HasList = record.TryFind(NtfsAttributeType.AttributeList, "", out _);
    }

    public NtfsRecord Base { get; }

    /// <summary>Whether there is an attribute list.</summary>
    public bool HasList { get; }

    public NtfsReference Reference => Base.Reference;

    /// <summary>All attributes and extents, as the list has them or as they stand in the record.</summary>
    /// <exception cref="DiskFormatException">The list is damaged.</exception>
    public IReadOnlyList<NtfsPlace> Places => _places ??= HasList ? ReadList() : OwnPlaces();

    /// <summary>Finds an attribute's first extent.</summary>
    /// <exception cref="DiskFormatException">The list is damaged, or names what is not there.</exception>
    public bool TryFind(NtfsAttributeType type, string name, out NtfsRecord record, out NtfsAttribute attribute)
    {
        record = Base;
        if (!HasList)
            return Base.TryFind(type, name, out attribute);
        foreach (var place in Places)
        {
            if (place.Type == type && place.LowestVcn == 0 && place.Name == name)
            {
                attribute = Resolve(place, out record);
                return true;
            }
        }
        attribute = default;
        return false;
    }

    /// <summary>The attribute at a place.</summary>
    /// <exception cref="DiskFormatException">There is none, or its record belongs to another file.</exception>
    public NtfsAttribute Resolve(scoped in NtfsPlace place, out NtfsRecord record)
    {
        record = place.Record.Record == Base.Number ? Base : _mft.Read(place.Record);
        if (record != Base && record.Header.BaseRecord.Record != Base.Number)
            throw new DiskFormatException("NTFS-0111", record.Structure, record.Offset, $"is of the file of record {record.Header.BaseRecord.Record}, and the attribute list of record {Base.Number} refers to it");
        var walk = record.Attributes;
        while (walk.MoveNext())
        {
            var attribute = walk.Current;
            if (attribute.Type == place.Type && attribute.Instance == place.Instance && attribute.LowestVcn == place.LowestVcn && attribute.Name.SequenceEqual(place.Name))
                return attribute;
        }
        throw new DiskFormatException("NTFS-0111", record.Structure, record.Offset, $"has no attribute 0x{(uint)place.Type:X} '{place.Name}' number {place.Instance} from cluster {place.LowestVcn} on, and the attribute list of record {Base.Number} refers to it");
    }

    /// <summary>Whether there is such an attribute.</summary>
    public bool Has(NtfsAttributeType type, string name = "") => TryFind(type, name, out _, out _);

    /// <summary>What an attribute holds; null when there is none.</summary>
    /// <exception cref="DiskFormatException">The attribute, or its map, is damaged.</exception>
    public NtfsContent? Open(NtfsAttributeType type, string name = "")
    {
        if (Base.Number == NtfsMft.MftRecord && type == NtfsAttributeType.Data && name.Length == 0)
            return _mft.Content;
        if (!TryFind(type, name, out var record, out var attribute))
            return null;
        var label = new NtfsAttributeLabel(this, type, name);
        if (attribute.IsResident)
            return NtfsContent.OfResident(_device, _geometry, label, attribute);
        var runs = new NtfsRunList();
        Decode(record, attribute, runs, label);
        if (HasList)
            AddExtents(type, name, runs);
        return NtfsContent.OfRuns(_device, _geometry, label, attribute, runs);
    }

    /// <summary>Adds the extents of an attribute behind the first one to its map.</summary>
    public void AddExtents(NtfsAttributeType type, string name, NtfsRunList runs)
    {
        foreach (var place in Places)
        {
            if (place.Type != type || place.LowestVcn == 0 || place.Name != name)
                continue;
            if (place.LowestVcn != runs.End)
                throw new DiskFormatException("NTFS-0120", Structure(type, name), Base.Offset, $"the list has an extent from cluster {place.LowestVcn} on, expected {runs.End}");
            var attribute = Resolve(place, out var record);
            if (attribute.IsResident)
                throw new DiskFormatException("NTFS-0120", Structure(type, name), record.Offset + attribute.Offset, "an extent is resident");
            Decode(record, attribute, runs, new NtfsAttributeLabel(this, type, name));
        }
    }

    /// <summary>What messages call an attribute of this file.</summary>
    public string Structure(NtfsAttributeType type, string name) =>
        "Record " + Base.Number + (", " + NtfsAttributeNames.Of(type) + (name.Length == 0 ? "" : ":" + name));

    private void Decode(NtfsRecord record, in NtfsAttribute attribute, NtfsRunList runs, in NtfsAttributeLabel label)
    {
        if (attribute.LowestVcn != runs.End)
            throw new DiskFormatException("NTFS-0120", label.ToString(), record.Offset + attribute.Offset, $"starts at cluster {attribute.LowestVcn}, expected {runs.End}");
        if (runs.Decode(attribute.RunBytes, attribute.EndVcn, _geometry.ClusterCount) is { } problem)
            throw new DiskFormatException("NTFS-0200", label.ToString(), record.Offset + attribute.Offset, problem);
    }

    private List<NtfsPlace> OwnPlaces()
    {
        var places = new List<NtfsPlace>();
        foreach (var attribute in Base.Attributes)
            places.Add(new NtfsPlace(attribute.Type, attribute.Name.ToString(), attribute.LowestVcn, Base.Reference, attribute.Instance));
        return places;
    }

    private List<NtfsPlace> ReadList()
    {
        Base.TryFind(NtfsAttributeType.AttributeList, "", out var attribute);
        var structure = Structure(NtfsAttributeType.AttributeList, "");
        byte[] list;
        if (attribute.IsResident)
        {
            list = attribute.Value.ToArray();
        }
        else
        {
            // Its own map is never in another record.
            var runs = new NtfsRunList();
            Decode(Base, attribute, runs, structure);
            list = NtfsContent.OfRuns(_device, _geometry, structure, attribute, runs).ReadAll(NtfsAttributeListEntry.MaxListLength, "NTFS-0110");
        }
        var places = new List<NtfsPlace>();
        if (NtfsAttributeList.Parse(list, places) is { } problem)
            throw new DiskFormatException("NTFS-0110", structure, Base.Offset + attribute.Offset, problem);
        return places;
    }
}
