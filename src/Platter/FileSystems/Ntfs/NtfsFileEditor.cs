using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>A file that is edited: its attributes as a list in memory, which <see cref="Store"/> brings back to the base record and, where that has no
/// room for all of them, to further records and an attribute list.</summary>
/// <remarks>
/// Attributes in further records are read when they are needed. Where they go is <see cref="NtfsFileLayout"/>'s work. All editing of a file goes through
/// the one editor that <see cref="NtfsEditState"/> has of it; after an edit that failed it makes another.
/// </remarks>
internal sealed class NtfsFileEditor
{
    private readonly List<NtfsHeld> _held = [];
    private readonly List<NtfsContentEditor> _contents = [];
    private int? _links;

    public NtfsFileEditor(NtfsEditState state, NtfsFile file)
    {
        State = state;
        Base = file.Base;
        Layout = new NtfsFileLayout(this, file);
        var unnamed = 0;
        foreach (var attribute in file.Base.Attributes)
            unnamed += attribute.Type == NtfsAttributeType.AttributeList ? 0 : 1;
        foreach (var place in file.Places)
        {
            if (place.Type == NtfsAttributeType.AttributeList)
                continue;
            var held = new NtfsHeld { Type = place.Type, Name = place.Name, LowestVcn = place.LowestVcn, Record = place.Record.Record, Instance = place.Instance };
            _held.Add(held);
            if (held.Record != Base.Number)
                continue;
            held.Bytes = file.Resolve(place, out _).Bytes.ToArray();
            unnamed--;
        }
        // Writing the record anew would lose them.
        if (unnamed != 0)
            throw new DiskFormatException("NTFS-0111", Base.Structure, Base.Offset, "has attributes that its attribute list does not name");
    }

    public NtfsEditState State { get; }

    /// <summary>The base record as it was last stored.</summary>
    public NtfsRecord Base { get; set; }

    public long Number => Base.Number;
    public NtfsReference Reference => Base.Reference;
    public NtfsFileLayout Layout { get; }

    /// <summary>All attributes and extents, sorted as records and attribute lists have them.</summary>
    public List<NtfsHeld> Held => _held;

    /// <summary>Whether it waits to be stored.</summary>
    public bool IsNoted { get; set; }

    /// <summary>Flags and link count of the base record, as they will be stored.</summary>
    public NtfsRecordFlags Flags => Base.Flags;

    public int LinkCount
    {
        get => _links ?? Base.Header.LinkCount;
        set
        {
            _links = value;
            Changed();
        }
    }

    /// <summary>What messages call an attribute of this file.</summary>
    public string Structure(NtfsAttributeType type, string name) => "Record " + Number + (", " + NtfsAttributeNames.Of(type) + (name.Length == 0 ? "" : ":" + name));

    /// <summary>The first extent of an attribute, its bytes read; null when there is none.</summary>
    public NtfsHeld? Find(NtfsAttributeType type, string name = "")
    {
        foreach (var held in _held)
        {
            if (held.Type == type && held.LowestVcn == 0 && held.Name == name)
                return Loaded(held);
        }
        return null;
    }

    public bool Has(NtfsAttributeType type, string name = "")
    {
        foreach (var held in _held)
        {
            if (held.Type == type && held.Name == name)
                return true;
        }
        return false;
    }

    /// <summary>All attributes of a type, their bytes read; named ones too.</summary>
    public List<NtfsHeld> FindAll(NtfsAttributeType type)
    {
        var found = new List<NtfsHeld>();
        foreach (var held in _held)
        {
            if (held.Type == type && held.LowestVcn == 0)
                found.Add(Loaded(held));
        }
        return found;
    }

    /// <summary>All extents of an attribute, by their clusters.</summary>
    public List<NtfsHeld> Extents(NtfsAttributeType type, string name)
    {
        var found = new List<NtfsHeld>();
        foreach (var held in _held)
        {
            if (held.Type == type && held.Name == name)
                found.Add(held);
        }
        return found;
    }

    /// <summary>An attribute with its bytes.</summary>
    public NtfsHeld Loaded(NtfsHeld held)
    {
        if (held.Bytes is null)
            Layout.Load(held.Record);
        return held;
    }

    /// <summary>Adds an attribute or an extent.</summary>
    /// <param name="type">What it is.</param>
    /// <param name="name">Its name.</param>
    /// <param name="lowestVcn">Of an extent, else 0.</param>
    /// <param name="bytes">As it will stand in its record.</param>
    /// <param name="isOutside">Whether it is to go to another record than the base.</param>
    public NtfsHeld Add(NtfsAttributeType type, string name, long lowestVcn, byte[] bytes, bool isOutside = false)
    {
        var held = new NtfsHeld { Type = type, Name = name, LowestVcn = lowestVcn, Bytes = bytes, Record = isOutside ? NtfsHeld.Outside : NtfsHeld.Anywhere };
        var at = _held.Count;
        while (at > 0 && Compare(_held[at - 1], held) > 0)
            at--;
        _held.Insert(at, held);
        Changed();
        return held;
    }

    /// <summary>Puts other bytes in the place of an attribute's.</summary>
    public void Replace(NtfsHeld held, byte[] bytes)
    {
        Loaded(held);
        held.Bytes = bytes;
        Layout.Touch(held.Record);
        Changed();
    }

    /// <summary>Sets the value of a resident attribute, or adds it.</summary>
    public NtfsHeld SetResident(NtfsAttributeType type, string name, ReadOnlySpan<byte> value)
    {
        if (Find(type, name) is not { } held)
            return Add(type, name, 0, NtfsAttributeBytes.Resident(type, name, value));
        Replace(held, NtfsAttributeBytes.Resident(type, name, value, ((NtfsAttributeFlags)(ushort)OnDisk.View<NtfsAttributeHeader>(held.Bytes!).Flags.Raw)));
        return held;
    }

    /// <summary>Takes an attribute or an extent out; its clusters are the caller's to free.</summary>
    public void Remove(NtfsHeld held)
    {
        if (held.HasPlace)
        {
            // The others of its record are needed to write that anew.
            Layout.Load(held.Record);
            Layout.Touch(held.Record);
        }
        _held.Remove(held);
        Changed();
    }

    /// <summary>Takes an attribute out with all its extents, and frees its clusters.</summary>
    public void Delete(NtfsAttributeType type, string name)
    {
        if (Open(type, name) is not { } content)
            return;
        content.Release();
        _contents.Remove(content);
        foreach (var held in Extents(type, name))
            Remove(held);
    }

    /// <summary>The content of an attribute, to be changed; null when there is none.</summary>
    public NtfsContentEditor? Open(NtfsAttributeType type, string name = "")
    {
        foreach (var known in _contents)
        {
            if (known.Type == type && known.Name == name)
                return known;
        }
        if (Find(type, name) is not { } first)
            return null;
        var content = new NtfsContentEditor(this, first);
        _contents.Add(content);
        return content;
    }

    /// <summary>The content of an attribute that is made, empty and resident, when there is none.</summary>
    public NtfsContentEditor OpenOrCreate(NtfsAttributeType type, string name = "")
    {
        if (Open(type, name) is { } content)
            return content;
        Add(type, name, 0, NtfsAttributeBytes.Resident(type, name, default));
        return Open(type, name)!;
    }

    /// <summary>Whether an attribute of the base record, or one to be added, could take so many bytes without any other having to leave it.</summary>
    /// <param name="held">The attribute; null for one more.</param>
    /// <param name="length">Bytes of the whole attribute.</param>
    public bool HasRoom(NtfsHeld? held, int length) => Layout.HasRoom(held, length);

    /// <summary>Notes that the file has to be stored at the end of the edit.</summary>
    public void Changed() => State.Note(this);

    /// <summary>Brings everything to the records.</summary>
    public void Store()
    {
        foreach (var content in _contents)
            content.Seal();
        Layout.Store(_links);
        _links = null;
    }

    /// <summary>Gives up all clusters and all records: the file is no more.</summary>
    public void Destroy()
    {
        foreach (var held in _held.ToArray())
        {
            if (held.LowestVcn == 0 && !Loaded(held).IsResident)
                Open(held.Type, held.Name)!.Release();
        }
        _contents.Clear();
        Layout.Destroy();
        State.Forget(this);
    }

    private int Compare(NtfsHeld a, NtfsHeld b)
    {
        if (a.Type != b.Type)
            return a.Type < b.Type ? -1 : 1;
        var order = a.Name.Length == 0 && b.Name.Length == 0 ? 0 : State.Volume.Upcase.Compare(a.Name, b.Name);
        return order != 0 ? order : a.LowestVcn.CompareTo(b.LowestVcn);
    }
}
