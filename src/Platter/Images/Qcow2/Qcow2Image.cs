using Platter.Blocks;

namespace Platter.Images.Qcow2;

/// <summary>A qcow2 image, opened: its tables, the disk they map, and what it stands on.</summary>
internal sealed class Qcow2Image : Container
{
    private readonly bool _ownsHost, _ownsParent;
    private List<Qcow2Snapshot>? _snapshots;
    private Qcow2Bitmaps? _bitmaps;
    private bool _editing;

    private Qcow2Image(BlockDevice host, Qcow2Geometry geometry, Container? parent, BlockDevice? dataFile, bool ownsHost, bool ownsParent)
        : base(ContainerFormat.Qcow2, host)
    {
        (Geometry, Parent, DataFile, _ownsHost, _ownsParent) = (geometry, parent, dataFile, ownsHost, ownsParent);
        Tables = new Qcow2Tables(host, geometry.ClusterSize);
        Codec = new Qcow2Codec(geometry.Compression);
        QcowDisk = new Qcow2Disk(this, geometry.L1Offset, geometry.L1Entries, geometry.Size, isSnapshot: false);
        Refcounts = new Qcow2Refcounts(geometry, Tables);
        if (host is ResizableDevice { CanWrite: true } file)
        {
            Space = new Qcow2Space(geometry, Tables, Refcounts, file);
            Tables.IsFresh = Space.IsFresh;
        }
    }

    public override BlockDevice Disk => QcowDisk;

    public override Container? Parent { get; }

    public override long? BlockSize => Geometry.ClusterSize;

    public override IReadOnlyList<ContainerSnapshot> Snapshots =>
        [.. SnapshotTable.Select(s => new ContainerSnapshot(s.Id, s.Name, s.Created, s.DiskSize, s.VmStateSize))];

    public override IReadOnlyList<KeyValuePair<string, string>> Details => Qcow2Details.Of(this);

    internal Qcow2Geometry Geometry { get; }

    /// <summary>The file with the guest's data, when it is another one.</summary>
    internal BlockDevice? DataFile { get; }

    internal Qcow2Tables Tables { get; }
    internal Qcow2Codec Codec { get; }
    internal Qcow2Disk QcowDisk { get; }
    internal Qcow2Refcounts Refcounts { get; }

    /// <summary>Where clusters are taken from; null when the image is only read.</summary>
    internal Qcow2Space? Space { get; }

    internal bool CanEdit => Space is not null;

    /// <exception cref="DiskFormatException">The snapshot table is broken.</exception>
    internal IReadOnlyList<Qcow2Snapshot> SnapshotTable => _snapshots ??= Qcow2Snapshot.ReadAll(Host, Geometry);

    /// <summary>Opens an image and everything that it refers to.</summary>
    internal static Qcow2Image OpenFile(BlockDevice host, ImageNeighbours neighbours, bool ownsHost)
    {
        var geometry = Qcow2Geometry.Read(host);
        CheckEditing(host, geometry);
        BlockDevice? data = null;
        Container? parent = null;
        try
        {
            if (geometry.HasDataFile)
            {
                data = neighbours.OpenBytes(LocalName(geometry.Extensions.DataFile ?? throw new DiskFormatException(
                    "QCOW-0016", "Qcow2Header.incompatible", 0x48, "found the external data bit, but no name of a data file")));
                if (host.CanWrite && !data.CanWrite)
                    throw new UnsupportedFeatureException("a qcow2 image with an external data file is only edited as a file of the host: both files have to be changed at one stroke");
            }
            if (geometry.BackingName is { } name)
                parent = neighbours.OpenImage(LocalName(name), FormatOf(geometry.Extensions.BackingFormat));
            return new Qcow2Image(host, geometry, parent, data, ownsHost, ownsParent: true);
        }
        catch
        {
            data?.Dispose();
            parent?.Dispose();
            throw;
        }
    }

    /// <summary>Opens an image over a parent that is open already, and stays the caller's.</summary>
    internal static Qcow2Image OpenNew(BlockDevice host, Container? parent, bool ownsHost) =>
        new(host, Qcow2Geometry.Read(host), parent, null, ownsHost, ownsParent: false);

    public override Container OpenSnapshot(string name)
    {
        var found = SnapshotTable.FirstOrDefault(s => s.Id == name) ?? SnapshotTable.FirstOrDefault(s => s.Name == name)
            ?? throw new FileNotFoundException(SnapshotTable.Count == 0
                ? $"there is no snapshot {name}: the image has none"
                : $"there is no snapshot {name}: there are {string.Join(", ", SnapshotTable.Select(s => s.Name))}");
        if (found.Problem(Geometry, Host.Length) is { } broken)
            throw new DiskFormatException(broken.Code, $"Snapshot '{found.Name}'", found.EntryOffset, broken.Problem);
        return new Qcow2SnapshotImage(this, found);
    }

    public override void Check(CheckReport report)
    {
        // What is not committed yet is looked at, too; the header may have changed since it was read.
        if (Tables.HasChanges)
            Tables.Save();
        new Qcow2Checker(Host, DataFile, Qcow2Geometry.Read(Host), report).Check();
    }

    /// <summary>Called before each change of the disk: sees to it that the image is as a writer must find it, and enters the change into the
    /// bitmaps that follow them.</summary>
    internal void BeginEdit(long offset, long length)
    {
        if (!_editing)
            Prepare();
        _bitmaps!.Mark(offset, length);
    }

    // A repair that fails half-way must leave nothing that a later commit would take along.
    private void Prepare()
    {
        try
        {
            AddFixed();
            if ((Geometry.Incompatible & IncompatibleFeatures.Dirty) != 0 && (Tables.Read(0x48) & (ulong)IncompatibleFeatures.Dirty) != 0)
                new Qcow2Repair(this).RebuildRefcounts();
            var known = Geometry.Autoclear & AutoclearFeatures.Known;
            if (known != Geometry.Autoclear)
                Tables.Write(0x58, (ulong)known);
            if (Geometry.HasDataFile)
                QcowDisk.CheckDataPlaces();
            _bitmaps = new Qcow2Bitmaps(Host, Geometry, Tables, Space!);
            _editing = true;
        }
        catch when (Host.CanRollback)
        {
            Rollback();
            throw;
        }
    }

    internal void Commit()
    {
        Tables.Save();
        Host.Flush();
        Space?.Committed();
    }

    internal void Rollback()
    {
        Host.Rollback();
        Tables.Forget();
        Refcounts.Reload();
        Space?.Forget();
        _editing = false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Codec.Dispose();
            DataFile?.Dispose();
            if (_ownsParent)
                Parent?.Dispose();
            if (_ownsHost)
                Host.Dispose();
        }
        base.Dispose(disposing);
    }

    private static void CheckEditing(BlockDevice host, Qcow2Geometry geometry)
    {
        if (!host.CanWrite)
            return;
        if ((geometry.Incompatible & IncompatibleFeatures.Corrupt) != 0)
        {
            throw new DiskFormatException("QCOW-0014", "Qcow2Header.incompatible", 0x48,
                "found the corrupt bit: the image can be read, but must be repaired (qemu-img check -r all) before it is edited");
        }
        if (geometry.HasDataFile && geometry.Header.SnapshotCount > 0)
            throw new UnsupportedFeatureException("a qcow2 image with an external data file and snapshots can be read but not edited: QEMU has no such images");
    }

    // Nobody takes these, even if the refcounts say that they are free.
    private void AddFixed()
    {
        var @fixed = Space!.Fixed;
        @fixed.Clear();
        Add(0, 1);
        Add(Geometry.L1Offset, Geometry.L1Entries * 8L);
        Add(Refcounts.TableOffset, (long)Refcounts.TableClusters << Geometry.ClusterBits);
        foreach (var snapshot in SnapshotTable)
        {
            Add(snapshot.EntryOffset, 40);
            if (snapshot.Problem(Geometry, Host.Length) is null)
                Add(snapshot.L1Offset, snapshot.L1Entries * 8L);
        }

        void Add(long offset, long length)
        {
            if (length > 0)
                @fixed.Add(offset >> Geometry.ClusterBits, ((offset + length - 1) >> Geometry.ClusterBits) - (offset >> Geometry.ClusterBits) + 1);
        }
    }

    // QEMU also takes addresses of servers and descriptions in JSON here; a host file's name may be marked as one.
    internal static string LocalName(string name)
    {
        if (name.StartsWith("file:", StringComparison.Ordinal))
            return name["file:".Length..];
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        var isDrive = colon == 1 && char.IsAsciiLetter(name[0]);
        if (colon > 0 && !isDrive && !name.AsSpan(0, colon).Contains('/'))
            throw new UnsupportedFeatureException($"the qcow2 image refers to '{name}', which is no file but an address of QEMU's");
        return name;
    }

    // A base that is said to be raw must not be looked at: a guest could have written another container's header into it.
    private static ContainerFormat? FormatOf(string? name) => name switch
    {
        "raw" or "file" => ContainerFormat.Raw,
        "qcow2" => ContainerFormat.Qcow2,
        _ => null,
    };
}

/// <summary>A snapshot of a qcow2 image as an image of its own, for reading. Owns the image.</summary>
internal sealed class Qcow2SnapshotImage(Qcow2Image image, Qcow2Snapshot snapshot) : Container(image.Format, image.Host)
{
    public override BlockDevice Disk { get; } = new Qcow2Disk(image, snapshot.L1Offset, snapshot.L1Entries, snapshot.DiskSize, isSnapshot: true);

    public override Container? Parent => image.Parent;

    public override IReadOnlyList<KeyValuePair<string, string>> Details =>
        [new("snapshot", $"{snapshot.Name} ({snapshot.Id}) of {snapshot.Created:yyyy-MM-ddTHH:mm:ssZ}"), .. image.Details];

    public override void Check(CheckReport report) => image.Check(report);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            image.Dispose();
        base.Dispose(disposing);
    }
}
