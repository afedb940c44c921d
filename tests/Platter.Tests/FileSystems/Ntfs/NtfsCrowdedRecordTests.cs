using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Two files and a directory with all that can hang on one, coming and going at random beside a model: names and streams with names of any length, content of every length around
/// what a record holds, names in the directory, extended attributes, short names, object ids, descriptors. Attributes go out of the record and come back all the time.</summary>
public class NtfsCrowdedRecordTests
{
    private const int Files = 3, JudgeEvery = 100;

    [Theory]
    [InlineData(512, 1024, 1)]
    [InlineData(4096, 1024, 2)]
    [InlineData(4096, 4096, 3)]
    [InlineData(65536, 1024, 4)]
    public void Nothing_is_lost_when_attributes_crowd_the_record(int clusterSize, int recordSize, int seed) => new Run(clusterSize, recordSize, seed).Take(300);

    [Theory(Explicit = true)]
    [InlineData(512, 1024, 100)]
    [InlineData(4096, 1024, 200)]
    [InlineData(4096, 4096, 300)]
    [InlineData(65536, 1024, 400)]
    public void Nor_in_long_runs(int clusterSize, int recordSize, int seed)
    {
        for (var i = 0; i < 40; i++)
            new Run(clusterSize, recordSize, seed + i).Take(1000);
    }

    /// <summary>What a file should have.</summary>
    private sealed class Model
    {
        public readonly List<string> Names = [];
        public List<string>? Children;      // of the directory, which has one name
        public readonly Dictionary<string, byte[]> Streams = new(StringComparer.Ordinal), Attributes = new(StringComparer.Ordinal);
        public byte[] Content = [];
        public byte[]? ObjectId;
        public string? Descriptor;
    }

    private sealed class Run
    {
        private readonly Random _random;
        private readonly ScratchDevice _device;
        private readonly List<Model> _files = [];
        private readonly Queue<string> _log = new();
        private readonly int _seed;
        private EditableVolume _volume;
        private int _number;

        public Run(int clusterSize, int recordSize, int seed)
        {
            _seed = seed;
            _random = new Random(seed);
            _device = NtfsFixture.Empty(new NtfsSizesOfVolume(Math.Min(512, clusterSize), clusterSize, recordSize), Math.Max(8 << 20, 500L * clusterSize));
            _volume = Open();
        }

        public void Take(int steps)
        {
            var step = 0;
            try
            {
                for (; step < steps; step++)
                {
                    Edit();
                    if (step % 10 == 0)
                        Compare();
                    if (step % JudgeEvery == JudgeEvery - 1)
                        Judge();
                }
                while (_files.Count > 0)
                    Remove(_files[0], null);
                Judge();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                Assert.Fail($"seed {_seed}, step {step}: {e.Message}\n{string.Join('\n', _log)}\n{e.StackTrace}");
            }
            _volume.Dispose();
        }

        private EditableVolume Open() => new NtfsType().OpenForEditing(_device, VolumeOptions.Default);

        private NodeId Id(Model file) => _volume.Find("/" + file.Names[0]).Id;

        private void Log(string text)
        {
            _log.Enqueue(text);
            if (_log.Count > 40)
                _log.Dequeue();
        }

        private void Edit()
        {
            if (_files.Count < Files)
            {
                var made = new Model();
                made.Names.Add(NewName());
                Log("create " + made.Names[0]);
                if (_files.Exists(f => f.Children is not null))
                {
                    _volume.CreateFile(_volume.RootId, made.Names[0], MetadataChange.None);
                }
                else
                {
                    made.Children = [];
                    _volume.CreateDirectory(_volume.RootId, made.Names[0], MetadataChange.None);
                }
                _files.Add(made);
                return;
            }
            var file = _files[_random.Next(Files)];
            switch (_random.Next(16))
            {
                case 0 or 1 or 2 when file.Children is { Count: < 40 }:
                    var child = NewName();
                    Log($"create {child} in {file.Names[0]}");
                    _volume.CreateFile(Id(file), child, MetadataChange.None);
                    file.Children.Add(child);
                    break;
                case 0 or 1 or 2 when file.Children is null && file.Names.Count < 40:
                    var name = NewName();
                    Log($"link {file.Names[0]} {name}");
                    _volume.CreateHardLink(Id(file), _volume.RootId, name);
                    file.Names.Add(name);
                    break;
                case 3 or 4 or 5:
                    Remove(file, file.Children is { Count: > 0 } children ? children[_random.Next(children.Count)] : null);
                    break;
                case 6 or 7:
                    var stream = file.Streams.Count > 0 && _random.Next(3) == 0 ? Any(file.Streams) : NewName();
                    file.Streams[stream] = Write(file, StreamName.Named(stream), file.Streams.GetValueOrDefault(stream) ?? []);
                    break;
                case 8 or 9 when file.Streams.Count > 0:
                    var gone = Any(file.Streams);
                    Log($"remove stream {gone} of {file.Names[0]}");
                    _volume.DeleteStream(Id(file), StreamName.Named(gone));
                    file.Streams.Remove(gone);
                    break;
                case 10 when file.Children is null:
                    file.Content = Write(file, StreamName.Data, file.Content);
                    break;
                case 11:
                    SetAttribute(file, "user.A" + _random.Next(5), _random.Next(3) == 0 ? null : ConformanceCase.Bytes(_random.Next(600), _number++));
                    break;
                case 12:
                    file.ObjectId = _random.Next(2) == 0 ? null : ConformanceCase.Bytes(16, ++_number);
                    Log($"object id of {file.Names[0]}: {file.ObjectId is not null}");
                    _volume.SetExtendedAttribute(Id(file), "user.ntfs.object_id", file.ObjectId);
                    break;
                case 13:
                    file.Descriptor = $"O:SYG:SYD:(A;;GR;;;S-1-5-21-{_random.Next(4)})";
                    Log($"descriptor of {file.Names[0]}");
                    _volume.SetMetadata(Id(file), new MetadataChange { SecurityDescriptor = Sddl.Parse(file.Descriptor) });
                    break;
                case 14:
                    Rename(file);
                    break;
                default:
                    Log("commit");
                    _volume.Commit();
                    break;
            }
        }

        // One of its children; else one of its names, and with the last one all of it.
        private void Remove(Model file, string? child)
        {
            var name = child ?? file.Names[_random.Next(file.Names.Count)];
            Log("delete " + name);
            if (child is not null)
            {
                _volume.Delete(Id(file), child);
                file.Children!.Remove(child);
                return;
            }
            _volume.DeleteRecursively(_volume.RootId, name);
            file.Names.Remove(name);
            if (file.Names.Count == 0)
                _files.Remove(file);
        }

        private void Rename(Model file)
        {
            var (at, name) = (_random.Next(file.Names.Count), NewName());
            Log($"rename {file.Names[at]} {name}");
            _volume.Rename(_volume.RootId, file.Names[at], _volume.RootId, name, replace: false);
            file.Names[at] = name;
        }

        private void SetAttribute(Model file, string name, byte[]? value)
        {
            if (value is null && !file.Attributes.ContainsKey(name))
                return;
            Log($"attribute {name} of {file.Names[0]}: {value?.Length}");
            _volume.SetExtendedAttribute(Id(file), name, value);
            if (value is null)
                file.Attributes.Remove(name);
            else
                file.Attributes[name] = value;
        }

        // New content, some more of it, or less.
        private byte[] Write(Model file, StreamName name, byte[] old)
        {
            var length = _random.Next(10) == 0 ? _random.Next(200_000) : _random.Next(1100);
            Log($"write {file.Names[0]} {name}: {old.Length} to {length}");
            using var stream = _volume.OpenWrite(Id(file), name);
            if (length <= old.Length && _random.Next(2) == 0)
            {
                stream.SetLength(length);
                return old[..length];
            }
            var bytes = ConformanceCase.Bytes(length, ++_number);
            stream.SetLength(length);
            stream.WriteAt(0, bytes);
            return bytes;
        }

        private string Any(Dictionary<string, byte[]> of) => of.Keys.Order(StringComparer.Ordinal).ElementAt(_random.Next(of.Count));

        // The longest ones are those that a record has the least room for.
        private string NewName()
        {
            var start = $"{++_number}";
            return start.PadRight(_random.Next(4) switch { 0 => 255, 1 => 1 + _random.Next(20), _ => 1 + _random.Next(255) }, (char)('a' + _random.Next(26)));
        }

        private void Compare()
        {
            foreach (var file in _files)
            {
                var id = Id(file);
                Assert.All(file.Names, n => Assert.Equal(id, _volume.Find("/" + n).Id));
                Assert.Equal(file.Names.Count, _volume.GetMetadata(id).LinkCount);
                if (file.Children is null)
                    Assert.Equal(file.Content, Read(id, StreamName.Data));
                else
                    Assert.Equal(file.Children.Order(StringComparer.Ordinal), _volume.Enumerate(id).Select(e => e.Name).Order(StringComparer.Ordinal));
                Assert.Equal(file.Streams.Keys.Order(StringComparer.Ordinal), _volume.GetStreams(id).Select(s => s.Name.Name).Order(StringComparer.Ordinal));
                foreach (var (name, bytes) in file.Streams)
                    Assert.Equal(bytes, Read(id, StreamName.Named(name)));
                var attributes = _volume.GetExtendedAttributes(id);
                Assert.Equal(file.Attributes.Keys.Order(StringComparer.Ordinal), attributes.Keys.Order(StringComparer.Ordinal));
                foreach (var (name, bytes) in file.Attributes)
                    Assert.Equal(bytes, attributes[name]);
                Assert.Equal(file.ObjectId, _volume.FindFormatAttribute(id, "user.ntfs.object_id"));
                if (file.Descriptor is not null)
                    Assert.Equal(Sddl.Parse(file.Descriptor), _volume.GetMetadata(id).SecurityDescriptor?.ToArray());
            }
            Assert.Equal(_files.SelectMany(f => f.Names).Order(StringComparer.Ordinal), _volume.Enumerate(_volume.RootId).Select(e => e.Name).Order(StringComparer.Ordinal));
        }

        private byte[] Read(NodeId id, StreamName name)
        {
            using var stream = _volume.OpenRead(id, name);
            var bytes = new byte[stream.Length];
            stream.ReadAt(0, bytes);
            return bytes;
        }

        private void Judge()
        {
            _volume.Commit();
            _volume.Dispose();
            var report = new NtfsType().Check(_device, CheckOptions.Default);
            Assert.True(report.IsClean, string.Join('\n', report.Findings.Take(20)));
            Assert.Null(NtfsFixture.Complaint(_device));
            _volume = Open();
            Compare();
        }
    }
}
